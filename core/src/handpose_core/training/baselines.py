"""Predictors that know little, scored on the same test batches: what a trained network has to beat."""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import pytorch_lightning as pl
import torch
from pytorch_lightning.utilities import rank_zero_only
from torch import Tensor
from torch.func import functional_call

from handpose_core.camera import project, relative_depth
from handpose_core.datasets.sample import Sample
from handpose_core.errors import HandposeError
from handpose_core.hand import WRIST
from handpose_core.training.module import HandPoseModule
from handpose_core.training.prediction import Estimate, Prediction, recover_with_truth, with_joints
from handpose_core.training.results import ScoreSheet


class Baseline(ABC):
    """A predictor that may look at the truth as far as its ``recover`` says.

    Attributes:
        name: its row in tables.
        recover: which truth it was given, for the record.
    """

    name: str
    recover: str
    needs_3d: ClassVar[bool] = True
    """Whether it needs the batch's 3D joints."""
    in_2d: ClassVar[bool] = True
    """Whether it is scored in 2D, too."""

    @abstractmethod
    def predict(self, batch: Sample) -> Estimate:
        """Joints of a test batch, of all its frames where it is of clips; a `Prediction` where it answers in 3D."""


class MeanPose(Baseline):
    """The mean training pose at the true root, whatever the image shows."""

    name, recover = "mean training pose", "true_root"

    def __init__(self, module: HandPoseModule) -> None:
        self._pose, self._frames = module.label_means.pose, module.frames

    def predict(self, batch: Sample) -> Prediction:
        """See `Baseline`."""
        batch = self._frames(batch)
        joints = batch["joints_3d"][:, [WRIST]] + self._pose
        scores = torch.zeros_like(joints[..., 0])
        return Prediction(project(joints, batch["K"]), relative_depth(joints), scores, joints)


class FlatDepth(Baseline):
    """The true 2D joints, each at the root's depth."""

    name, recover = "true 2D, flat depth", "true_2d_and_root"

    def __init__(self, module: HandPoseModule) -> None:
        self._frames = module.frames

    def predict(self, batch: Sample) -> Prediction:
        """See `Baseline`."""
        batch = self._frames(batch)
        flat = torch.zeros_like(batch["joints_2d"][..., 0])
        estimate = Estimate(batch["joints_2d"], z_rel=flat, scores=torch.ones_like(flat))
        return with_joints(estimate, recover_with_truth(estimate, batch))


class Untrained(Baseline):
    """The method's own network as it was before training."""

    name, recover = "untrained network", "true_root_and_scale"

    def __init__(self, module: HandPoseModule, seed: int = 0) -> None:
        self._module = module
        with torch.random.fork_rng():
            torch.manual_seed(seed)
            fresh = module.build_network()
        self._state: Mapping[str, Tensor] = {
            f"network.{name}": value.to(module.device) for name, value in fresh.state_dict().items()
        }

    def predict(self, batch: Sample) -> Prediction:
        """See `Baseline`."""
        output = functional_call(self._module, self._state, self._module.inputs(batch))  # type: ignore[arg-type]
        estimate = self._module.decode(output, batch["image"].shape[-1])
        return self._module.recover(estimate, self._module.frames(batch), "true_root_and_scale")


class BaselineRows(pl.Callback, ABC):
    """Scores baselines on the batches of ``test`` and adds their rows to the module's results.

    Baselines of 3D have no rows where samples have no 3D joints.
    """

    def __init__(self) -> None:
        self._baselines: list[tuple[Baseline, ScoreSheet]] = []

    @abstractmethod
    def baselines(self, module: HandPoseModule) -> list[tuple[Baseline, Sequence[str]]]:
        """Build the baselines of a module.

        Args:
            module: That is tested.

        Returns:
            Each baseline with the alignments that it is scored in.
        """

    def on_test_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Build the baselines of this module.

        Raises:
            HandposeError: the module is none of handpose's.
        """
        if not isinstance(pl_module, HandPoseModule):
            raise HandposeError(
                f"trainer.callbacks, {type(self).__name__}",
                f"a module of type {type(pl_module).__name__}",
                "a HandPoseModule",
                "Leave the callback out.",
            )
        self._baselines = [
            (baseline, ScoreSheet([baseline.recover], alignments).to(pl_module.device))
            for baseline, alignments in self.baselines(pl_module)
        ]

    def on_test_batch_end(
        self,
        trainer: pl.Trainer,
        pl_module: pl.LightningModule,
        outputs: Any,
        batch: Sample,
        batch_idx: int,
        dataloader_idx: int = 0,
    ) -> None:
        """Score the baselines on the batch."""
        assert isinstance(pl_module, HandPoseModule)  # on_test_start has seen to it
        frames = pl_module.frames(batch)
        for baseline, sheet in self._baselines:
            if baseline.needs_3d and "joints_3d" not in frames:
                continue
            prediction = baseline.predict(batch)
            if isinstance(prediction, Prediction):
                sheet.update(prediction.joints_3d, frames, baseline.recover)
            if baseline.in_2d:
                sheet.update_2d(prediction.joints_2d, frames)

    def on_test_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Append the baselines' rows."""
        assert isinstance(pl_module, HandPoseModule)  # on_test_start has seen to it
        for baseline, sheet in self._baselines:
            pl_module.results.extend(sheet.results(baseline.name))


class Baselines(BaselineRows):
    """Adds the rows of `MeanPose`, `FlatDepth` and `Untrained` to the module's results in ``test``.

    They are of 3D: where samples have no 3D joints there are none. A module that has seen no labels, as one that was
    unpacked, has no `MeanPose`, and says so.

    Args:
        alignments: those to report; the mean pose and flat depth leave little to say without one.
    """

    def __init__(self, alignments: list[str] | None = None) -> None:
        super().__init__()
        self._alignments = alignments or ["root"]

    def baselines(self, module: HandPoseModule) -> list[tuple[Baseline, Sequence[str]]]:
        """Build the three, or two, baselines; see `BaselineRows`."""
        found: list[Baseline] = [FlatDepth(module), Untrained(module)]
        if module.label_means.knows_pose:
            found.insert(0, MeanPose(module))
        else:
            rank_zero_only(print)("no row of the mean training pose: this module has seen no labels")
        return [(baseline, self._alignments) for baseline in found]
