"""DGGAN's LightningModule: pose network, depth reconstruction and depth regulariser; the objective chooses."""

from collections.abc import Sequence
from functools import partial
from typing import Any

import torch
from jaxtyping import Bool, Float
from pytorch_lightning import Callback
from pytorch_lightning.core.optimizer import LightningOptimizer
from pytorch_lightning.utilities.types import OptimizerConfig, OptimizerLRScheduler, OptimizerLRSchedulerConfig
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel
from torch.optim import Adam, Optimizer, RMSprop
from torchmetrics import MeanMetric

from handpose_core.camera import relative_depth
from handpose_core.datasets.sample import Sample, labelled
from handpose_core.errors import HandposeError
from handpose_core.hand import N_JOINTS, REFERENCE_BONE, WRIST
from handpose_core.nn.backbones import WEIGHTS, load_weights_of
from handpose_core.nn.cpm import PAPER_CPM, CPMSize
from handpose_core.nn.gan import DiscriminatorSize, GeneratorSize, ImagePool
from handpose_core.nn.heatmaps import Argmax, Decoder, SoftArgmax, add_background, gaussian_heatmaps
from handpose_core.nn.losses import heatmap_loss
from handpose_core.nn.unet import UNetSize
from handpose_core.training.experiment.needs import Need, Split
from handpose_core.training.fixed import LeavesFixed
from handpose_core.training.module import HandPoseModule
from handpose_core.training.prediction import Estimate
from handpose_core.training.process_state import gather_states
from handpose_core.training.schedules import OptimizerCallable, Schedule, build_optimizer
from handpose_dggan.depth import true_depth, unpaired_depth
from handpose_dggan.labels import ALL_DEPTHS, AllDepths, DepthLabels, ShareOfDepths
from handpose_dggan.losses import depth_loss
from handpose_dggan.networks import (
    PAPER_DEPTH_HEAD,
    DepthDiscriminator,
    DepthGenerator,
    DepthHeadSize,
    DepthRegulariser,
    DrawnRegulariser,
    GANSize,
    PlacedDepths,
    PoseRegressor,
    RegulariserForm,
    RegulariserSize,
    RelativeDepths,
)
from handpose_dggan.objectives import (
    REGRESSION,
    DepthReconstruction,
    Estimated,
    EstimatedDepths,
    GeneratedDepth,
    Joined,
    Labelled,
    Objective,
    Regression,
    Regularisation,
    SteadyDepth,
    TrueDepth,
    Values,
    discriminate,
    generate,
    learning,
)
from handpose_dggan.pictures import DepthPictures
from handpose_dggan.scores import BestConstantError
from handpose_dggan.stepping import looking_on, minimise

TRAINED = "trained"
"""In a chapter of the history: the names of the networks that it trained."""
POOL_KEY = "image_pool"
"""In a checkpoint: what the discriminator goes on seeing."""
Output = tuple[list[Tensor], Tensor]
"""Heatmaps of every stage, and relative depths."""

OPTIMIZER = partial(RMSprop, lr=2.5e-5)
GAN_OPTIMIZER = partial(Adam, lr=1e-4, betas=(0.5, 0.999))
ARGMAX = Argmax()

# so that a checkpoint that holds them loads
_IN_CHECKPOINTS: list[Any] = [
    *(CPMSize, DepthHeadSize, RegulariserSize, DrawnRegulariser, UNetSize, GANSize, GeneratorSize, DiscriminatorSize),
    *(Argmax, SoftArgmax, PlacedDepths, RelativeDepths),
    *(Regression, DepthReconstruction, Regularisation, Joined, TrueDepth, GeneratedDepth, SteadyDepth),
    *(Estimated, EstimatedDepths, Labelled, AllDepths, ShareOfDepths),
]
torch.serialization.add_safe_globals(_IN_CHECKPOINTS)


class DGGANModule(LeavesFixed, HandPoseModule):
    """The pose network, with whatever else of DGGAN a stage needs.

    Estimates come from the pose network alone: at test time one RGB image is enough.

    Args:
        cpm: size of the 2D pose machine.
        depth_head: size of the depth head.
        regulariser: form of the depth regulariser; None leaves it out.
        gan: form of the depth-map generator and its discriminator; None leaves them out.
        objective: what is trained, and by which losses.
        depth_labels: which samples' joint depths it may learn from.
        sigma: standard deviation of the target Gaussians, px of the image.
        loss_size: side of the maps on which L_2D is taken.
        lambda_2d: weight of the heatmap loss.
        lambda_z: weight of the depth loss.
        decoder: how joints are read off the last stage's maps.
        optimizer: builds the optimiser of the pose network and the regulariser; the thesis's by default.
        gan_optimizer: builds those of the generator and of the discriminator.
        clip: largest gradient norm of the pose network and the regulariser in objectives that step their optimisers
            themselves, where Lightning's ``gradient_clip_val`` cannot be used; None leaves gradients as they are.
        schedule: the learning rate's schedule; None keeps it constant. The GAN's rate is constant.
        scale_mm: see `HandPoseModule`.
        backbone_weights: what a backbone begins with, see `load_weights`; None for random weights. Of no account where
            a checkpoint is loaded.
    """

    display_name = "DGGAN"

    def __init__(
        self,
        cpm: CPMSize = PAPER_CPM,
        depth_head: DepthHeadSize = PAPER_DEPTH_HEAD,
        regulariser: RegulariserForm | None = None,
        gan: GANSize | None = None,
        objective: Objective = REGRESSION,
        depth_labels: DepthLabels = ALL_DEPTHS,
        sigma: float = 8.0,
        loss_size: int = 256,
        lambda_2d: float = 1.0,
        lambda_z: float = 0.1,
        decoder: Decoder = ARGMAX,
        optimizer: OptimizerCallable = OPTIMIZER,
        gan_optimizer: OptimizerCallable = GAN_OPTIMIZER,
        clip: float | None = None,
        schedule: Schedule | None = None,
        scale_mm: float | None = None,
        backbone_weights: WEIGHTS | None = None,
    ) -> None:
        super().__init__(optimizer, schedule, scale_mm)
        self.cpm, self.depth_head = cpm, depth_head
        self.initial_weights = backbone_weights
        self.network = self.build_network()
        self.regulariser = DepthRegulariser(regulariser) if regulariser else None
        self.generator = DepthGenerator(gan) if gan else None
        self.discriminator = DepthDiscriminator(gan) if gan else None
        self.pool = ImagePool(gan.pool) if gan else None
        self.objective, self.clip = objective, clip
        self.depth_labels = depth_labels
        self.automatic_optimization = not objective.manual
        self.sigma, self.loss_size = sigma, loss_size
        self.lambda_2d, self.lambda_z = lambda_2d, lambda_z
        self.decoder = decoder
        self._build_gan_optimizer = gan_optimizer
        self.depth_errors = nn.ModuleDict({"val": MeanMetric(), "test": MeanMetric()})
        self.constant_errors = nn.ModuleDict({"val": BestConstantError(), "test": BestConstantError()})
        learning(self.objective, self)  # complains of what is missing, before anything is trained
        self.save_sizes()

    def build_network(self) -> PoseRegressor:
        """See `HandPoseModule.build_network`."""
        network = PoseRegressor(self.cpm, self.depth_head)
        load_weights_of(network, self.initial_weights)
        return network.to(memory_format=torch.channels_last)  # type: ignore[call-overload, no-any-return]

    def needs(self, split: Split) -> Sequence[Need]:
        """See `HandPoseModule.needs`; those of the objective."""
        learnt = self.objective.needs(split) if split in ("train", "val") else ()
        return (*super().needs(split), *learnt)

    def forward(self, image: Float[Tensor, "batch 3 height width"]) -> Output:
        """Estimate heatmaps and depths; see `PoseRegressor`.

        Args:
            image: RGB in [0, 1].

        Returns:
            Heatmaps of every stage, and relative depths.
        """
        output: Output = self.network(image.contiguous(memory_format=torch.channels_last))
        return output

    def describe(self) -> dict[str, str]:
        """The objective, the networks it trains, and whether it looked at the true depth of its own pictures."""
        paired = "true depth of these pictures" if self.objective.paired() else "none"
        return {
            "objective": str(self.objective),
            TRAINED: ", ".join(learning(self.objective, self)),
            "paired_depth": paired,
            "depth_labels": str(self.depth_labels),
        }

    def depths_known(self, batch: Sample) -> Bool[Tensor, " batch"]:
        """Return which samples' joint depths are labelled, and may be learnt from by the recipe."""
        return self.depth_labels.known(batch) & labelled(batch, "joints_3d")

    def has_learnt(self, network: str) -> bool:
        """Whether this training, or one that the weights went through before, trained a network, by its name."""
        return any(network in chapter.get(TRAINED, "").split(", ") for chapter in self.history)

    def untrained(self) -> list[nn.Module]:
        """The networks that the objective leaves as they are."""
        learns = learning(self.objective, self).values()
        networks = (self.network, self.regulariser, self.generator, self.discriminator)
        return [network for network in networks if network is not None and network not in learns]

    def on_train_start(self) -> None:
        """Keep the running means of what is not trained.

        Raises:
            HandposeError: processes would wait for gradients that an adversary's step leaves out.
        """
        model = self.trainer.model
        waits = isinstance(model, DistributedDataParallel) and not model.find_unused_parameters
        if self.objective.adversarial and waits:
            raise HandposeError(
                "trainer.strategy",
                "a ddp in which every step must reach every weight",
                "ddp_find_unused_parameters_true, as the generator and its judge take turns",
                "Give --trainer.strategy ddp_find_unused_parameters_true.",
            )
        super().on_train_start()

    def losses(self, output: Output, batch: Sample) -> Values:
        """Those of the objective, of a validation batch."""
        return self.objective.validate(self, output, batch).values

    def pose_losses(self, output: Output, batch: Sample) -> Values:
        """``loss_2d`` (3.3), ``loss_z`` (3.4) and their weighted sum ``loss`` (3.7).

        A joint without annotation counts in neither; the background map counts where all joints are
        annotated, relative depths where the wrist and the reference bone are.
        """
        stages, z_rel = output
        annotated = batch["annotated"]
        target = add_background(
            gaussian_heatmaps(batch["joints_2d"], self.sigma, batch["image"].shape[-1], self.loss_size)
        )
        counted = torch.cat([annotated, annotated.all(dim=1, keepdim=True)], dim=1)
        anchored = annotated[:, [WRIST, *REFERENCE_BONE]].all(dim=1, keepdim=True)
        loss_2d = heatmap_loss(stages, target, counted)
        loss_z = depth_loss(
            z_rel, relative_depth(batch["joints_3d"]), annotated & anchored & self.depths_known(batch)[:, None]
        )
        return {"loss": self.lambda_2d * loss_2d + self.lambda_z * loss_z, "loss_2d": loss_2d, "loss_z": loss_z}

    def decode(self, output: Output, image_size: int) -> Estimate:
        """The last stage's maps as the decoder reads them, and the depths."""
        stages, z_rel = output
        joints_2d, scores = self.decoder(stages[-1][:, :N_JOINTS], image_size)
        return Estimate(joints_2d, z_rel.float(), scores)

    def training_step(self, batch: Sample, batch_idx: int) -> Tensor | None:
        """One step of the objective; with an adversary, first of what is judged and then of the judge."""
        if "network" in self.objective.trained(self):  # other networks are trained on other hands
            known = self.depths_known(batch)
            self.label_means.update({key: batch[key][known] for key in ("joints_3d", "annotated")})
        size = len(batch["image"])
        values = self._step_all(batch) if self.objective.manual else self.objective.step(self, batch).values
        self.log_dict({f"train/{name}": value for name, value in values.items()}, prog_bar=True, batch_size=size)
        return None if self.objective.manual else values["loss"]

    def _step_all(self, batch: Sample) -> Values:
        """Step every optimiser of an objective that needs several."""
        self.count_batches()
        optimizers = self.optimizer_list()
        if not self.objective.adversarial:
            values = self.objective.step(self, batch).values
            self._minimise(values["loss"], optimizers)
        else:
            with looking_on(learning(self.objective, self)["discriminator"]):
                values, generated = self.objective.step(self, batch)
                self._minimise(values["loss"], optimizers[:-1])
            if generated is not None:
                values = {**values, "loss_d": self._judge(generated, batch, optimizers[-1])}
        self.step_schedules()
        return values

    def _minimise(self, loss: Tensor, optimizers: Sequence[LightningOptimizer]) -> None:
        scaler: torch.amp.GradScaler | None = getattr(self.trainer.precision_plugin, "scaler", None)
        minimise(loss, optimizers, self.manual_backward, scaler)

    def on_before_optimizer_step(self, optimizer: Optimizer) -> None:
        """Clip the gradients of the pose network and the regulariser: here fp16's loss scale is out of them."""
        first = self.objective.trained(self) and self.objective.manual and self.optimizer_list()[0].optimizer
        if self.clip and optimizer is first:
            self.clip_gradients(optimizer, self.clip, "norm")

    def _judge(self, generated: Tensor, batch: Sample, optimizer: LightningOptimizer) -> Tensor:
        """Train the discriminator on unpaired real maps and on generated ones, earlier ones among them."""
        if "unpaired_depth" not in batch or self.pool is None:
            raise HandposeError(
                "data.depth_maps",
                "nothing",
                "a source of unpaired depth maps for the discriminator",
                "Set data.depth_maps OwnDepth, or DepthFrom with another dataset's datamodule.",
            )
        real = unpaired_depth(batch, generated.shape[-1])
        loss = discriminate(self, real.maps[real.counted], self.pool(generated))
        optimizer.zero_grad()
        self.manual_backward(loss)
        optimizer.step()
        return loss.detach()

    def configure_optimizers(self) -> OptimizerLRScheduler:
        """The recipe's optimiser and schedule for what the objective trains; then the generator's, the judge's."""
        steps: list[OptimizerConfig | OptimizerLRSchedulerConfig] = []
        if trained := self.objective.trained(self):
            parameters = (p for network in trained.values() for p in network.parameters())
            optimizer = build_optimizer(self._build_optimizer, parameters)
            steps.append(self._scheduled(optimizer))
        if self.objective.adversarial:
            adversaries = [network for network in (self.generator, self.discriminator) if network is not None]
            steps += [
                {"optimizer": build_optimizer(self._build_gan_optimizer, network.parameters(), "--model.gan_optimizer")}
                for network in adversaries
            ]
        return steps

    def _scheduled(self, optimizer: Optimizer) -> OptimizerConfig | OptimizerLRSchedulerConfig:
        if self._schedule is None:
            return {"optimizer": optimizer}
        return {"optimizer": optimizer, "lr_scheduler": self._schedule.build(optimizer, self.trainer)}

    def configure_callbacks(self) -> list[Callback]:
        """Pictures of the depth maps, where there are any."""
        return [DepthPictures()] if self.generator is not None or self.regulariser is not None else []

    def validation_step(self, batch: Sample, batch_idx: int) -> None:
        """Losses, scores, and the error of the generated depth where the truth is known."""
        output = self(*self.inputs(batch))
        step = self.objective.validate(self, output, batch)
        self._record_validation(output, step.values, batch)
        self._score_depth("val", batch, step.generated)

    def test_step(self, batch: Sample, batch_idx: int) -> None:
        """Scores, and the error of the generated depth where the truth is known."""
        super().test_step(batch, batch_idx)
        self._score_depth("test", batch, None)

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Keep the earlier maps that the discriminator goes on seeing, while it is trained."""
        super().on_save_checkpoint(checkpoint)
        if self.pool is not None and self.objective.adversarial:
            checkpoint[POOL_KEY] = gather_states(self.pool.kept())

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Take them over."""
        super().on_load_checkpoint(checkpoint)
        if self.pool is not None and POOL_KEY in checkpoint:
            self.pool.keep(self.own_state(checkpoint[POOL_KEY], "the image pool"))

    def _score_depth(self, stage: str, batch: Sample, generated: Tensor | None) -> None:
        """Log the mean absolute error of the generated depth over the hand, after (3.6): 1 is the hand's own depth.

        Beside it stands that of the best constant for the same hands. A generator that was never trained has none.
        """
        if self.generator is None or "depth" not in batch or not self.has_learnt("generator"):
            return
        generated = generate(self, batch) if generated is None else generated
        truth = true_depth(batch, generated.shape[-1])
        error, constant = self.depth_errors[stage], self.constant_errors[stage]
        if truth.hand.any():
            error.update((generated - truth.maps).abs()[truth.hand])  # type: ignore[operator]
            constant.update(truth.maps[truth.hand])  # type: ignore[operator]
        for name, metric in (("depth_error", error), ("constant_depth_error", constant)):
            self.log(f"{stage}/{name}", metric, on_step=False, on_epoch=True)  # type: ignore[arg-type]
