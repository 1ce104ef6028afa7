"""TAGAN's LightningModule: generators and discriminators of one objective, stepped in turn."""

from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import IO, Any

import torch
from jaxtyping import Float
from pytorch_lightning import Callback
from pytorch_lightning.utilities.types import OptimizerLRScheduler, OptimizerLRSchedulerConfig
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel
from torch.optim import Adam

from handpose_core.datasets.sample import Sample
from handpose_core.errors import HandposeError
from handpose_core.io.checkpoint_parts import as_one_file
from handpose_core.nn.gan import DiscriminatorSize, GeneratorSize, ImagePool
from handpose_core.nn.unet import UNetSize
from handpose_core.training.checkpoints import CLASS_KEY, HISTORY_KEY, check_checkpoint, class_path
from handpose_core.training.experiment.needs import Need, Split, check_splits, needs_of
from handpose_core.training.manual_optimization import ManualOptimization
from handpose_core.training.module import describe_data
from handpose_core.training.process_state import gather_states
from handpose_core.training.schedules import OptimizerCallable, Schedule, build_optimizer
from handpose_tagan.conditions.maps import HED, SOBEL, ConditionMaps, Edges, Sobel, weights_follow
from handpose_tagan.losses import shape_loss, tonality_loss
from handpose_tagan.networks import ConditionalSize, CycleSize, FromColourMap, FromNothing
from handpose_tagan.objectives import PAPER, TAGAN, CycleGAN, Networks, Objective, Pix2pix
from handpose_tagan.pictures import TranslationPictures
from handpose_tagan.quality import ImageQuality
from handpose_tagan.quality_results import QualityResults

POOLS_KEY, SIDE_KEY = "handpose_image_pools", "handpose_image_side"
OPTIMIZER = partial(Adam, lr=2e-4, betas=(0.5, 0.999))

# so that a checkpoint that holds them loads
_IN_CHECKPOINTS: list[Any] = [
    *(TAGAN, Pix2pix, CycleGAN, ConditionalSize, FromNothing, FromColourMap, CycleSize),
    *(UNetSize, GeneratorSize, DiscriminatorSize, Sobel, HED),
]
torch.serialization.add_safe_globals(_IN_CHECKPOINTS)


class TAGANModule(ManualOptimization):
    """Learns to make superposed hands look real, from real images without labels.

    Args:
        objective: what is trained, and by which losses.
        edges: makes shape maps.
        kernel: side of the colour map's average filter, px, odd.
        optimizer: builds the generators' optimiser, and the discriminators'; pix2pix's by default.
        schedule: of both learning rates, such as pix2pix's `LinearDecay`; None keeps them constant.
    """

    history: list[dict[str, str]]
    """What the weights were trained on, training by training; it belongs to the checkpoint."""
    side: int | None
    """Of the images last trained on, px; it belongs to the checkpoint."""

    def __init__(
        self,
        objective: Objective = PAPER,
        edges: Edges = SOBEL,
        kernel: int = 31,
        optimizer: OptimizerCallable = OPTIMIZER,
        schedule: Schedule | None = None,
    ) -> None:
        super().__init__()
        self._schedule = schedule
        self.objective, self.maps = objective, ConditionMaps(edges, kernel)
        self.generators, self.discriminators, self.pools = objective.build()
        self._build_optimizer = optimizer
        self.automatic_optimization = False
        self.history, self.side = [], None
        self.quality = nn.ModuleDict({"before": ImageQuality(), "after": ImageQuality()})
        self.quality_rows: list[dict[str, Any]] = []
        self.save_hyperparameters(logger=False)
        for name in ("optimizer", "schedule"):
            if not isinstance(self.hparams.get(name), dict):  # a Python object cannot be rebuilt from a checkpoint
                self.hparams.pop(name, None)

    @property
    def networks(self) -> Networks:
        """All that is trained."""
        return Networks(self.generators, self.discriminators, self.pools)

    def forward(self, image: Float[Tensor, "batch 3 h w"]) -> Float[Tensor, "batch 3 h w"]:
        """Superposed images in [0, 1], made to look real."""
        return self.objective.generate(self.networks, image, self.maps).float().clamp(0, 1)

    def describe(self) -> dict[str, str]:
        """The choices that what is generated depends on."""
        return {"objective": str(self.objective), **self.maps.describe()}

    def needs(self, split: Split) -> Sequence[Need]:
        """Declare which keys of samples are read.

        Args:
            split: ``train``, ``val``, ``test`` or ``predict``.

        Returns:
            The objective's needs in training; the picture otherwise.
        """
        return self.objective.needs() if split == "train" else needs_of("the generator", "image")

    def setup(self, stage: str) -> None:
        """Refuse data whose samples lack what the objective reads, before the first batch.

        Args:
            stage: ``fit``, ``validate``, ``test`` or ``predict``.

        Raises:
            HandposeError: A key is missing.
        """
        check_splits(self, getattr(self._trainer, "datamodule", None), stage)

    def on_fit_start(self) -> None:
        """Begin a chapter of the history; a training that goes on is in it already."""
        chapter = {**self.describe(), **describe_data(self.trainer)}
        if chapter not in self.history[-1:]:
            self.history = [*self.history, chapter]

    def on_train_start(self) -> None:
        """See that processes do not wait for each other for ever.

        Raises:
            HandposeError: they would wait for gradients that a step of the generators leaves out.
        """
        model = self.trainer.model
        if isinstance(model, DistributedDataParallel) and not model.find_unused_parameters:
            raise HandposeError(
                "trainer.strategy", "a ddp in which every step must reach every weight",
                "ddp_find_unused_parameters_true, as generators and discriminators take turns",
                "Give --trainer.strategy ddp_find_unused_parameters_true.",
            )  # fmt: skip

    def training_step(self, batch: Sample, batch_idx: int) -> None:
        """The generators' step, then the discriminators'."""
        self.side = int(batch["image"].shape[-1])
        self.count_batches()
        generators, discriminators = self.optimizer_list()
        self.discriminators.requires_grad_(False)
        step = self.objective.step(self.networks, batch, self.maps)
        self._minimise(step.values["loss"], generators)
        self.discriminators.requires_grad_(True)
        judged = self.objective.judge(self.networks, step)
        self._minimise(judged["loss_d"], discriminators)
        self.step_schedules()
        values = {f"train/{name}": value for name, value in {**step.values, **judged}.items()}
        self.log_dict(values, prog_bar=True, batch_size=len(batch["image"]))

    def _minimise(self, loss: Tensor, optimizer: Any) -> None:
        optimizer.zero_grad()
        self.manual_backward(loss)
        optimizer.step()

    def validation_step(self, batch: Sample, batch_idx: int) -> None:
        """How far a real image is from itself, made again: ``val/loss_shape`` (2.9) and ``val/loss_colour`` (2.10)."""
        self._measure("val", batch)

    def on_test_start(self) -> None:
        """Forget the results of an earlier test."""
        self.quality_rows = []

    def test_step(self, batch: Sample, batch_idx: int) -> None:
        """As in validation; and how far images are from real ones, ``simulated`` ones before and after, if given."""
        real = batch["image"]
        again = self._measure("test", batch)
        if "simulated" in batch:
            self.quality["before"].update(batch["simulated"], real)  # type: ignore[operator]
            self.quality["after"].update(self(batch["simulated"]), real)  # type: ignore[operator]
        else:
            self.quality["after"].update(again, real)  # type: ignore[operator]

    def on_test_epoch_end(self) -> None:
        """Make the rows of the results, the generator's first, and log its figures."""
        both = self.quality["before"].update_called
        made_of = {"after": "superposed images" if both else "real images, from their own maps", "before": "nothing"}
        methods = {"after": type(self.objective).__name__, "before": "superposed images as they are"}
        for name in ("after", "before") if both else ("after",):
            figures: dict[str, float] = self.quality[name].compute()  # type: ignore[operator]
            self.quality_rows.append({"method": methods[name], "made_of": made_of[name], **figures})
            self.quality[name].reset()  # type: ignore[operator]
        logged = {f"test/{name}": value for name, value in self.quality_rows[0].items() if isinstance(value, float)}
        self.log_dict(logged)

    def _measure(self, stage: str, batch: Sample) -> Tensor:
        """Log the distances of real images made again, which are returned."""
        real = batch["image"]
        made: Tensor = self(real)
        values = {"loss_shape": shape_loss(made, real), "loss_colour": tonality_loss(made, real)}
        self.log_dict(
            {f"{stage}/{name}": value for name, value in values.items()},
            prog_bar=True, batch_size=len(real), sync_dist=True,
        )  # fmt: skip
        return made

    def configure_optimizers(self) -> OptimizerLRScheduler:
        """Build the generators' optimiser, then the discriminators', each with the schedule.

        Returns:
            The optimisers, with their schedules where there is one.
        """
        parts = (self.generators, self.discriminators)
        optimizers = [build_optimizer(self._build_optimizer, part.parameters()) for part in parts]
        if self._schedule is None:
            return optimizers
        steps: list[OptimizerLRSchedulerConfig] = [
            {"optimizer": one, "lr_scheduler": self._schedule.build(one, self.trainer)} for one in optimizers
        ]
        return steps

    def configure_callbacks(self) -> list[Callback]:
        """Pictures of what is made, and how far it is from real images."""
        return [TranslationPictures(), QualityResults()]

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Record which class wrote the checkpoint, what it was trained on, and the images that judges see again."""
        checkpoint[CLASS_KEY] = class_path(type(self))
        checkpoint[HISTORY_KEY], checkpoint[SIDE_KEY] = self.history, self.side
        checkpoint[POOLS_KEY] = gather_states({name: pool.kept() for name, pool in self._image_pools()})

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Take over what `on_save_checkpoint` recorded."""
        self.history, self.side = checkpoint.get(HISTORY_KEY, []), checkpoint.get(SIDE_KEY)
        kept = self.own_state(checkpoint.get(POOLS_KEY, {}), "the image pools")
        for name, pool in self._image_pools():
            if name in kept:
                pool.keep(kept[name])

    def _image_pools(self) -> Iterator[tuple[str, ImagePool]]:
        return ((name, pool) for name, pool in self.pools.items() if isinstance(pool, ImagePool))

    @classmethod
    def load_from_checkpoint(  # type: ignore[override]
        cls, checkpoint_path: str | Path | IO[bytes], *args: Any, **kwargs: Any
    ) -> "TAGANModule":
        """Rebuild the module from a checkpoint; arguments as Lightning's.

        Raises:
            HandposeError: the file is missing, is not a checkpoint, or another method wrote it.
        """
        if not isinstance(checkpoint_path, str | Path):
            with weights_follow():
                return super().load_from_checkpoint(checkpoint_path, *args, **kwargs)
        check_checkpoint(Path(checkpoint_path), cls)
        with as_one_file(Path(checkpoint_path)) as whole, weights_follow():
            return super().load_from_checkpoint(whole, *args, **kwargs)
