"""A recipe's network tested without any training, beside the other trivial rows of a table."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pytorch_lightning import Callback

from handpose_core.cli.registry import Method
from handpose_core.training.callbacks_results import ResultsTable
from handpose_core.training.cli import HandposeCLI, surroundings
from handpose_core.training.data_names import resolve_data
from handpose_core.training.trivial_rows import TrivialRows

#: Training samples that constants are learnt from, evenly spread: more change nothing in the second decimal.
LEARNT_FROM = 4000
#: No callbacks of recipes, which are for trained networks, no Weights & Biases run, one process.
_OPTIONS = ("--trainer.callbacks", "null", "--trainer.logger", "false", "--trainer.devices", "1")


class UntrainedCLI(HandposeCLI):
    """``test`` without a checkpoint: the network as the seed draws it, and the trivial rows.

    Args:
        method_name: As `HandposeCLI`.
        model_class: As `HandposeCLI`.
        argv: As `HandposeCLI`.
        rows: That have learnt, or learn from the training split of the datamodule that is tested on.
        learn: Whether they learn from it.
        test: Whether the test is run, too.
    """

    def __init__(
        self, method_name: str, model_class: type[Any], argv: Sequence[str], rows: TrivialRows, learn: bool, test: bool
    ) -> None:
        self._rows, self._learn, self._test = rows, learn, test
        super().__init__(method_name, model_class, argv, None, f"handpose {method_name}")

    def _checkpoint(self, given: str | None, run_dir: Path | None) -> str | None:
        return None

    def _standing_callbacks(self, checkpoints: bool, configured: Sequence[Callback]) -> list[Callback]:
        return [self._rows, ResultsTable()]

    def _run_subcommand(self, subcommand: str) -> None:
        if self._learn:
            self._rows.learn(self.datamodule.unvaried_dataloader(LEARNT_FROM), self.model)
        if self._test:
            super()._run_subcommand(subcommand)


def score_trivial(
    name: str, method: Method, arguments: Sequence[str], training: Sequence[str] | None, folder: Path
) -> Path:
    """Score the trivial rows of a test.

    Args:
        name: The method's name.
        method: The method.
        arguments: Of ``handpose NAME test``, recipes being paths, without checkpoint and folder.
        training: Of the training, where its data are others than the test's.
        folder: ``test/results.json`` is written there.

    Returns:
        The results file: first the rows of the untrained network, then those of the others.

    Raises:
        HandposeError: as ``handpose NAME test``, or the training split has no labels to learn constants from.
    """
    rows, model_class = TrivialRows(), method.load()
    with surroundings():
        if training is not None:
            learning = ["test", *resolve_data([*training, *_OPTIONS, "--run_dir", str(folder / "learnt")])]
            UntrainedCLI(name, model_class, learning, rows, learn=True, test=False)
        argv = ["test", *resolve_data([*arguments, *_OPTIONS, "--run_dir", str(folder)])]
        UntrainedCLI(name, model_class, argv, rows, learn=training is None, test=True)
    return folder / "test" / "results.json"
