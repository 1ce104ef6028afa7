"""The LightningModule of the suite's own estimator.

A glance says where in the crop the hand lies and which way up, and the hand is cut out once more, upright: what is
read then need not know hands in every turn. Glances learn from farther pictures, and from some without a hand, too,
so that their doubt is confidence's.

A verdict, the smallest part and the last to be trained, then says of all that was seen whether it was a hand.

The reader knows right hands alone. Each upright crop is shown as it is and mirrored; of the two, the one that looks
more like a right hand is taken, and mirrored back if need be. So all that is learned serves both sides, a hand and its
mirror image get the same answer, and the side is no guess of its own but what decides between two whole answers.
In training only the picture with the right hand is shown, now and then the other for the side's sake.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal, NamedTuple

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn
from torch.nn import functional as F
from torch.optim import AdamW

from handpose_core.camera import reference_length
from handpose_core.datasets.mirroring import mirror_pixel_rows, mirror_rows
from handpose_core.datasets.sample import Sample, batch_sides, labelled
from handpose_core.errors import HandposeError
from handpose_core.estimators.hand3d.recovery import PlacedEstimate, at_fitted_root, at_true_root
from handpose_core.estimators.onehand.canonical_crop import Upright, upright_of
from handpose_core.estimators.onehand.detector_sampling import sights
from handpose_core.estimators.onehand.hand_detector import GlanceSize, Glimpse, glance_loss
from handpose_core.estimators.onehand.losses import map_loss, pixel_loss, side_loss, space_loss, turn_loss
from handpose_core.estimators.onehand.negatives import HandlessPictures
from handpose_core.estimators.onehand.network import OneHandNetwork, OneHandSize, Read
from handpose_core.estimators.onehand.occlusion_augmentation import Clutter
from handpose_core.estimators.onehand.outputs import HandEstimate
from handpose_core.estimators.onehand.presence_head import verdict_loss
from handpose_core.estimators.onehand.virtual_camera import laid_onto, to_middle
from handpose_core.hand import FINGER_JOINTS, WRIST, Side
from handpose_core.nn.backbones import WEIGHTS, load_weights_of
from handpose_core.precision import single_precision
from handpose_core.rig import HandRig, PosedHand, pose_from_angles
from handpose_core.training.experiment.needs import Need, Split, needs_of
from handpose_core.training.fixed import LeavesFixed
from handpose_core.training.module import HandPoseModule
from handpose_core.training.prediction import Estimate, Prediction, Recover, with_joints
from handpose_core.training.schedules import OptimizerCallable, Schedule

OPTIMIZER = partial(AdamW, lr=2e-3)
SHIPPED_SIZE = OneHandSize()
NO_CLUTTER = Clutter(0.0, 0.0, 0.0, 0.0)
Learns = Literal["all", "reader", "glance", "verdict"]
_LEAST_SCORE = 0.02
"""What a joint that nothing is seen of counts, where the hand model is laid onto joints."""
_OF_READ = [name for name in Read._fields if name != "parameters"]

# so that a checkpoint that holds them loads
_IN_CHECKPOINTS: list[Any] = [OneHandSize, GlanceSize, Clutter]
torch.serialization.add_safe_globals(_IN_CHECKPOINTS)


@dataclass(frozen=True)
class Weights:
    """Of the losses.

    Args:
        maps: heatmaps' cross-entropy.
        pixels: a px of the crop, of the maps' means and of the corrected joints.
        space: a mm.
        turn: of the palm: see `turn_loss`.
        side: right or left.
        shape: the hand model's components, squared: what a picture does not show stays the mean hand's.
        glance: the first look's: see `glance_loss`.
        verdict: the last word's: see `verdict_loss`.
    """

    maps: float = 1.0
    pixels: float = 0.05
    space: float = 0.1
    turn: float = 0.0
    side: float = 0.5
    shape: float = 0.01
    glance: float = 1.0
    verdict: float = 1.0


torch.serialization.add_safe_globals([Weights])
SHIPPED_WEIGHTS = Weights()


class Output(NamedTuple):
    """What is seen at a glance; what is read off upright crops as they are, and off their mirror images."""

    glimpse: Glimpse
    as_is: Read
    mirror: Read


class OneHandModule(LeavesFixed, HandPoseModule):
    """Joints, mesh and side of the hand in a crop; nothing of the camera, and no side, has to be known.

    Joints in space and the mesh are the hand model's, and so agree; joints in the picture lie between it and heatmaps.

    Args:
        size: the network's.
        rig: the hand model: a packaged one's name, or a path.
        weights: of the losses.
        sigma: of the heatmaps' Gaussians, px of the crop.
        clutter: what training pictures are made harder with.
        left_shown: share of training pictures that show the reader a left hand, for the side alone.
        own_glance: share of training pictures that are turned upright by the network's own glance; the others by
            labels, and some way off.
        learns: the part that is trained; the others stay as they are. Glance and reader share nothing, so that their
            trainings may follow each other, or run beside each other, or be one: ``all``. The verdict is on both of
            them once they are trained, and learns in a training of its own.
        backbone_weights: what an EfficientNet-Lite backbone begins with, see `load_weights`; None for random weights.
            Of no account where a checkpoint is loaded.
        backbone_lr: the backbone's learning rate over the rest's.
        handless: a folder of pictures without hands, such as ``handpose data people`` and ``data things`` make, for
            first looks and verdicts to doubt, and to go behind hands.
        optimizer: see `HandPoseModule`.
        schedule: see `HandPoseModule`.
        scale_mm: see `HandPoseModule`.
    """

    display_name = "onehand"
    takes_right_hands = False  # it shows its pose network both sides, and learns which of them is right
    network: OneHandNetwork
    _handless: HandlessPictures | None

    def __init__(
        self,
        size: OneHandSize = SHIPPED_SIZE,
        rig: str = "anny",
        weights: Weights = SHIPPED_WEIGHTS,
        sigma: float = 4.0,
        clutter: Clutter = NO_CLUTTER,
        left_shown: float = 0.2,
        own_glance: float = 0.5,
        learns: Learns = "all",
        backbone_weights: WEIGHTS | None = None,
        backbone_lr: float = 1.0,
        handless: str | None = None,
        optimizer: OptimizerCallable = OPTIMIZER,
        schedule: Schedule | None = None,
        scale_mm: float | None = None,
    ) -> None:
        super().__init__(optimizer, schedule, scale_mm)
        self.size, self.weights, self.sigma = size, weights, sigma
        self.clutter, self.left_shown, self.own_glance, self.learns = clutter, left_shown, own_glance, learns
        self._handless_folder, self._handless = handless, None
        self.rig = HandRig(rig)
        self.network = self.build_network()
        load_weights_of(self.network, backbone_weights)
        self.initial_weights = backbone_weights
        self._backbone_lr = backbone_lr
        self.save_sizes()

    def build_network(self) -> OneHandNetwork:
        """See `HandPoseModule.build_network`."""
        network = OneHandNetwork(self.size, self.rig.n_shapes)
        return network.to(memory_format=torch.channels_last)  # type: ignore[call-overload, no-any-return]

    def parameter_groups(self) -> Iterable[dict[str, Any]]:
        """See `HandPoseModule.parameter_groups`."""
        backbone = {id(parameter) for parameter in self.network.reader.backbone.parameters()}
        trained = [parameter for parameter in self.parameters() if parameter.requires_grad]
        return [
            {"params": [p for p in trained if id(p) in backbone], "lr_factor": self._backbone_lr},
            {"params": [p for p in trained if id(p) not in backbone]},
        ]

    def describe(self) -> dict[str, str]:
        """Return what training pictures met, and what turned validation's crops upright."""
        handless = {"handless": f"{len(self._handless)} pictures"} if self._handless else {}
        crops = "labels" if self.learns == "reader" else "detector"
        return {"clutter": str(self.clutter), "learns": self.learns, "validation_crops": crops, **handless}

    def forward(self, image: Tensor) -> Output:
        """Glance at each crop and its mirror image, and read off the upright ones, too."""
        count = image.shape[0]  # not len(): an exported graph takes any number
        seen: Glimpse = self.network.glance(torch.cat([image, image.flip(-1)]))
        as_is, mirror = _glimpse(seen, slice(None, count)), _glimpse(seen, slice(count, None))
        return self._read(image, _mean(as_is, mirror, image.shape[-1]))

    def _read(self, image: Tensor, glimpse: Glimpse) -> Output:
        """Read each crop, turned upright as given, and its mirror image."""
        count = image.shape[0]
        crop = glimpse.upright.cut(image, self.network.crop)
        read: Read = self.network.reader(torch.cat([crop, crop.flip(-1)]))
        return Output(glimpse, _rows(read, slice(None, count)), _rows(read, slice(count, None)))

    def setup(self, stage: str) -> None:
        """Open the folder that training needs, and checkpoints do without."""
        super().setup(stage)
        if stage == "fit" and self._handless_folder:
            self._handless = HandlessPictures(self._handless_folder)

    def on_test_start(self) -> None:
        """See `HandPoseModule.on_test_start`; raises what `check_taught` raises, too."""
        self.check_taught("the checkpoint")
        super().on_test_start()

    def check_taught(self, where: str) -> None:
        """Refuse to run weights whose trainings have left out a part without which every answer is chance.

        Weights without any history pass: an untrained network is one to compare with.

        Args:
            where: The weights, for the message.

        Raises:
            HandposeError: The detector, or the pose network, has learnt nothing yet.
        """
        learnt = {chapter.get("learns", "all") for chapter in self.history}
        for part, name in (("glance", "detector"), ("reader", "pose network")):
            if learnt and not learnt & {"all", part}:
                raise HandposeError(
                    where, f"an untrained {name}: trainings so far were of {', '.join(sorted(learnt))} alone",
                    "weights of which both are trained",
                    f"Train it, too: handpose onehand fit --model.learns {part} --init_from CKPT ...",
                )  # fmt: skip

    def needs(self, split: Split) -> Sequence[Need]:
        """See `HandPoseModule.needs`."""
        inherited = super().needs(split)
        if split not in ("train", "val"):
            return inherited
        of_lying = needs_of("the loss of where hands lie", "joints_2d", "annotated")
        if split == "train" and self.learns not in ("all", "reader"):
            return (*inherited, *of_lying)
        return (*inherited, *of_lying, *needs_of("the reader's loss", "joints_3d", "K", "side"))

    def check_resources(self, subcommand: str) -> None:
        """See `HandPoseModule.check_resources`: the folder of pictures without hands."""
        if subcommand == "fit" and self._handless_folder:
            HandlessPictures(self._handless_folder)

    def untrained(self) -> Iterable[nn.Module]:
        """What `learns` leaves out."""
        parts = {"glance": self.network.glance, "reader": self.network.reader, "verdict": self.network.verdict}
        trained = {"glance", "reader"} if self.learns == "all" else {self.learns}
        return [part for name, part in parts.items() if name not in trained]

    def training_step(self, batch: Sample, batch_idx: int) -> Tensor:
        """One step; the reader's on pictures of right hands, some of them mirrored for the side's sake."""
        self.label_means.update(batch)
        image = self.clutter.add(batch["image"], _masks(batch), self._handless)
        losses = self._summed(self._training_losses(image, batch))
        told, count = {f"train/{name}": value for name, value in losses.items()}, len(batch["image"])
        self.log_dict(told, prog_bar=True, batch_size=count)
        return losses["loss"]

    def validation_step(self, batch: Sample, batch_idx: int) -> None:
        """Score the crops that training learns from.

        Where the pose network alone is trained, crops are turned upright by their labels: the detector may have learnt
        nothing yet, and ``val/epe`` would be chance. Otherwise the network's own detector turns them.

        Args:
            batch: crops with labels.
            batch_idx: its number.
        """
        if self.learns != "reader":
            super().validation_step(batch, batch_idx)
            return
        upright, left = upright_of(batch["joints_2d"], batch["annotated"]).upright, batch_sides(batch) == Side.LEFT
        output = self._read(batch["image"], Glimpse(torch.zeros_like(upright.side), upright))
        labels = upright.carried(batch, self.network.crop)
        losses = self._summed(self._read_losses(_pick(output, ~left), labels, torch.ones_like(left)))
        self._record_validation(output, losses, batch)

    def _training_losses(self, image: Float[Tensor, "batch 3 s s"], batch: Sample) -> dict[str, Float[Tensor, ""]]:
        if self.learns == "verdict":
            return {"verdict": self._judging(image, batch)}
        if self.learns == "reader":
            return self._reading(image, batch, self.network.glance(image).upright)
        loss, glanced = self._looking(image, batch)
        return {"glance": loss, **(self._reading(image, batch, glanced) if self.learns == "all" else {})}

    def _judging(self, image: Float[Tensor, "batch 3 s s"], batch: Sample) -> Float[Tensor, ""]:
        """The loss of verdicts on these pictures, every other one, and on farther ones and such without a hand."""
        near, far = image[::2], sights(image, batch["joints_2d"], _masks(batch), self._handless)
        with torch.no_grad():
            output = self(torch.cat([near, far.image]))
        yes = torch.ones(len(near), dtype=torch.bool, device=image.device)
        said = self._verdict(output, _pick(output, output.as_is.right >= output.mirror.right))
        return verdict_loss(said, torch.cat([yes, far.there]), torch.cat([yes, far.known]))

    def _verdict(self, output: Output, read: Read) -> Float[Tensor, " batch"]:
        rights = torch.stack([output.as_is.right, output.mirror.right], dim=1)
        return self.network.judge(read, rights, output.glimpse.there)

    def _looking(self, image: Float[Tensor, "batch 3 s s"], batch: Sample) -> tuple[Float[Tensor, ""], Upright]:
        """The loss of glances, at these pictures and at farther ones; how these were said to lie."""
        joints_2d, annotated, count = batch["joints_2d"], batch["annotated"], len(image)
        half, mask = slice(None, (count + 1) // 2), _masks(batch)
        far = sights(image[half], joints_2d[half], None if mask is None else mask[half], self._handless)
        said: Glimpse = self.network.glance(torch.cat([image, far.image]))
        near = torch.ones(count, dtype=torch.bool, device=image.device)
        there, known = torch.cat([near, far.there]), torch.cat([near, far.known])
        seen = upright_of(torch.cat([joints_2d, far.joints_2d]), torch.cat([annotated, annotated[half]]))
        return glance_loss(said, seen, there, known), Upright(*(values[:count] for values in said.upright))

    def _reading(
        self, image: Float[Tensor, "batch 3 s s"], batch: Sample, glanced: Upright
    ) -> dict[str, Float[Tensor, ""]]:
        """The reader's losses, of pictures turned upright by labels, and some way off, or as they were glanced at."""
        varied, size = upright_of(batch["joints_2d"], batch["annotated"]).upright.varied(), self.network.crop
        own = torch.rand(len(image), device=image.device) < self.own_glance
        upright = Upright(*(_where(own, said.detach(), seen) for said, seen in zip(glanced, varied, strict=True)))
        crop, left = upright.cut(image, size), batch_sides(batch) == Side.LEFT
        again = torch.rand(len(left), device=left.device) < self.left_shown
        read = self.network.reader(torch.where((left ^ again)[:, None, None, None], crop.flip(-1), crop))
        return self._read_losses(read, upright.carried(batch, size), ~again)

    def losses(self, output: Output, batch: Sample) -> dict[str, Float[Tensor, ""]]:
        """Those of the pictures, of each pair, with the right hands; all show one."""
        left = batch_sides(batch) == Side.LEFT
        yes = torch.ones_like(left)
        glance = glance_loss(output.glimpse, upright_of(batch["joints_2d"], batch["annotated"]), yes, yes)
        upright = output.glimpse.upright.carried(batch, self.network.crop)
        read = _pick(output, ~left)
        verdict = verdict_loss(self._verdict(output, read), yes, yes)
        return self._summed({"glance": glance, "verdict": verdict, **self._read_losses(read, upright, yes)})

    def _summed(self, losses: dict[str, Float[Tensor, ""]]) -> dict[str, Float[Tensor, ""]]:
        total = torch.stack([getattr(self.weights, name) * value for name, value in losses.items()]).sum()
        return {"loss": total, **{f"loss_{name}": value for name, value in losses.items()}}

    @single_precision
    def _read_losses(
        self, read: Read, upright: Sample, is_right: Bool[Tensor, " batch"]
    ) -> dict[str, Float[Tensor, ""]]:
        """Of what was read where hands were right; the side everywhere.

        Args:
            read: of upright crops mirrored such that all hands are right ones.
            upright: the labels of the crops before they were mirrored.
            is_right: where the network was shown the right hand.
        """
        size, shown = self.network.crop, upright["annotated"] & is_right[:, None]
        left = batch_sides(upright) == Side.LEFT
        joints_2d = mirror_pixel_rows(upright["joints_2d"], left, size)
        middle = joints_2d.new_full((len(left), 2), (size - 1) / 2)
        known = labelled(upright, "joints_3d") & labelled(upright, "K")
        # any camera where there is none: not-a-number must reach no gradient
        K = torch.where(known[:, None, None], upright["K"], torch.eye(3).to(upright["K"]))
        joints = mirror_rows(upright["joints_3d"] @ to_middle(K, middle).transpose(-1, -2), left)
        within = joints_2d.clamp(0, size - 1)
        posed = self._posed(read).joints
        return {
            "maps": map_loss(read.maps, joints_2d, shown, self.sigma, size),
            "pixels": pixel_loss(read.means, within, shown) + pixel_loss(read.joints_2d, within, shown),
            "space": space_loss(posed, joints, shown & known[:, None]),
            "turn": turn_loss(posed, joints, shown & known[:, None]),
            "side": side_loss(read.right, is_right),
            "shape": read.parameters.shape.square().mean(),
        }

    def _posed(self, read: Read) -> PosedHand:
        """Right hands, mm, about the wrist."""
        angles, rotation, shape = read.parameters
        hand: PosedHand = self.rig(pose_from_angles(self.rig, angles), shape, rotation)
        return hand

    def decode(self, output: Output, image_size: int) -> HandEstimate:
        """The answer of the picture that looks more like a right hand."""
        return self.decode_as(output, output.as_is.right >= output.mirror.right)

    def decode_as(self, output: Output, is_right: Bool[Tensor, " batch"]) -> HandEstimate:
        """The answer for hands whose side is known."""
        read, upright, size = _pick(output, is_right), output.glimpse.upright, self.network.crop
        there = self._verdict(output, read).sigmoid()
        hand = self._posed(read)
        bone = reference_length(hand.joints)[:, None, None]
        root = hand.joints[:, [WRIST]]
        xyz, vertices = (
            upright.back_in_space(mirror_rows((points - root) / bone, ~is_right))
            for points in (hand.joints, hand.vertices)
        )
        return HandEstimate(
            joints_2d=upright.back_to_picture(mirror_pixel_rows(_agreed(read, hand), ~is_right, size), size),
            z_rel=xyz[..., 2],
            scores=read.scores * there[:, None],
            xyz=xyz,
            vertices=vertices,
            right=torch.sigmoid(output.as_is.right - output.mirror.right),
            is_right=is_right,
            middle=upright.centre,
            there=there,
        )

    def decode_told(self, output: Output, sides: Int[Tensor, " batch"]) -> HandEstimate:
        """The answer for hands whose side is known or, where it is negative, is that of `decode`."""
        looks = output.as_is.right >= output.mirror.right
        is_right = (sides == Side.RIGHT) | ((sides < 0) & looks)  # no torch.where: ONNX Runtime has none for booleans
        return self.decode_as(output, is_right)

    @single_precision
    def recover(self, estimate: Estimate, batch: Sample, recover: Recover) -> Prediction:
        """Millimetres for an estimate, turned from its own frame to the camera's."""
        assert isinstance(estimate, HandEstimate)  # decode makes no other
        frame = to_middle(batch["K"], estimate.middle)
        xyz = estimate.xyz.to(frame) @ frame
        turned = PlacedEstimate(estimate.joints_2d, xyz[..., 2], estimate.scores, xyz)
        if recover == "true_root_and_scale":
            return with_joints(turned, at_true_root(turned, batch))
        return with_joints(turned, at_fitted_root(turned, batch["K"], self.hand_mm / _hand_length(xyz)[:, None, None]))

    @property
    def hand_mm(self) -> float:
        """Length (mm) of the hand model's mean hand: pictures do not show sizes."""
        return float(_hand_length(self.rig.joints))


def _hand_length(joints: Float[Tensor, "*batch 21 3"]) -> Float[Tensor, "*batch"]:
    """Length from the wrist to the middle finger's tip along the bones, in the unit of ``joints``."""
    chain = joints[..., [WRIST, *FINGER_JOINTS["middle"]], :]
    return torch.linalg.vector_norm(chain.diff(dim=-2), dim=-1).sum(-1)


def _masks(batch: Sample) -> Bool[Tensor, "batch 1 s s"] | None:
    """Return the hands' masks, all of the picture where a sample of a mixture has none: the hand may be anywhere."""
    return batch["mask"] | ~labelled(batch, "mask")[:, None, None, None] if "mask" in batch else None


def _rows(read: Read, rows: slice) -> Read:
    kept = type(read.parameters)(*(values[rows] for values in read.parameters))
    return read._replace(parameters=kept, **{name: getattr(read, name)[rows] for name in _OF_READ})


def _glimpse(glimpse: Glimpse, rows: slice) -> Glimpse:
    return Glimpse(glimpse.there[rows], Upright(*(values[rows] for values in glimpse.upright)))


def _mean(as_is: Glimpse, mirror: Glimpse, image_size: int) -> Glimpse:
    """What is seen in pictures and in their mirror images, together."""
    (centre, side, up), (other, other_side, other_up) = as_is.upright, mirror.upright
    back = torch.stack([image_size - 1 - other[:, 0], other[:, 1]], -1)
    direction = F.normalize(up + other_up * other_up.new_tensor([-1.0, 1.0]), dim=-1)
    upright = Upright((centre + back) / 2, (side * other_side).sqrt(), direction)
    return Glimpse((as_is.there + mirror.there) / 2, upright)


def _agreed(read: Read, hand: PosedHand) -> Float[Tensor, "batch 21 2"]:
    """Joints as the maps have them where they are sharp, else as the hand model's lie once laid onto these.

    Both err, and not alike: of shares tried on generated hands the score squared left the least error.
    """
    laid, share = laid_onto(hand.joints, read.joints_2d, read.scores.clamp_min(_LEAST_SCORE)), read.scores.square()
    return laid + share[..., None] * (read.joints_2d - laid)


def _pick(output: Output, as_is: Bool[Tensor, " batch"]) -> Read:
    """Row by row one of the two."""

    def one(a: Tensor, b: Tensor) -> Tensor:
        return _where(as_is, a, b)

    _, first, second = output
    parameters = type(first.parameters)(*map(one, first.parameters, second.parameters))
    return first._replace(
        parameters=parameters, **{name: one(getattr(first, name), getattr(second, name)) for name in _OF_READ}
    )


def _where(rows: Bool[Tensor, " batch"], a: Tensor, b: Tensor) -> Tensor:
    return torch.where(rows.view(-1, *(1,) * (a.dim() - 1)), a, b)
