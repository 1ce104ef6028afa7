"""Shared models: folders, and models on the Hugging Face Hub, with their cards.

SharedModel.of("best.ckpt").push_to_hub("me/hand")
"""

from pathlib import Path
from typing import Any

from handpose_core.errors import HandposeError
from handpose_core.estimators.onehand.model_card import card, history, history_name
from handpose_core.estimators.onehand.serialization import SUFFIX, write_packed
from handpose_core.io import atomic
from handpose_core.predict.hub import CARD_FILE, MODEL_FILE, download, hub_errors, import_hub, located
from handpose_core.predict.model import HandModel
from handpose_core.predict.onehand_runtime import OneHandRuntime
from handpose_core.predict.trained import load_trained

try:
    from huggingface_hub import ModelHubMixin
except ImportError:  # every module imports without the extras; using the class raises

    class ModelHubMixin:  # type: ignore[no-redef]
        """Stand in for the extra's class."""


# no licence: it depends on the training data and the owner of the weights
_HEAD = "---\nlibrary_name: handpose\npipeline_tag: keypoint-detection\ntags: [hand-pose, 3d, mesh]\n---\n\n"


class SharedModel(ModelHubMixin):  # type: ignore[misc]
    """Save, load and upload a trained estimator by the methods of huggingface_hub's mixin.

    A folder holds ``model.safetensors``, as ``handpose onehand pack`` writes it, the card as ``README.md``, the history
    of the trainings, and ``config.json``, a copy of the weights' metadata by which the Hub counts downloads.

    Args:
        runtime: The estimator.

    Raises:
        HandposeError: huggingface_hub is not installed.
    """

    def __init__(self, runtime: OneHandRuntime) -> None:
        import_hub()
        self.runtime = runtime
        self.card: str | None = None

    @classmethod
    def of(cls, path: str | Path) -> "SharedModel":
        """Load a checkpoint, or a packed file with its card, to share it.

        Args:
            path: As `handpose_core.predict.load` takes it.

        Returns:
            The model.

        Raises:
            HandposeError: It is something else, or another method's.
        """
        file = located(Path(path))
        trained = load_trained(file)
        if not isinstance(trained, OneHandRuntime):
            raise HandposeError(
                str(path), f"a model of {trained.info.method}", "one of handpose onehand", "Give another."
            )
        shared = cls(trained)
        beside = file.with_name(CARD_FILE) if file.name == MODEL_FILE else file.with_suffix(".md")
        if file.suffix.lower() == SUFFIX and beside.is_file():
            shared.card = beside.read_text("utf-8")
        return shared

    @classmethod
    def from_pretrained(cls, pretrained_model_name_or_path: str | Path, **options: Any) -> "SharedModel":
        """Load a shared model.

        Args:
            pretrained_model_name_or_path: Its folder, or ``owner/name`` on the Hub.
            **options: The mixin's.

        Returns:
            The model.

        Raises:
            HandposeError: There is no such model, or no connection.
        """
        with hub_errors(str(pretrained_model_name_or_path)):
            shared: SharedModel = super().from_pretrained(pretrained_model_name_or_path, **options)
        return shared

    def push_to_hub(self, repo_id: str, **options: Any) -> str:
        """Upload the model to the Hub.

        Args:
            repo_id: ``owner/name``.
            **options: The mixin's.

        Returns:
            The commit's address.

        Raises:
            HandposeError: There is no connection, or no permission to write there.
        """
        with hub_errors(repo_id):
            address: str = super().push_to_hub(repo_id, **options)
        return address

    def model(self, batch: int = 16) -> HandModel:
        """Return the model that takes images.

        Args:
            batch: Largest number of crops in one batch.

        Returns:
            The model.
        """
        return HandModel(self.runtime, batch)

    def _save_pretrained(self, save_directory: Path) -> None:
        file, info = save_directory / MODEL_FILE, self.runtime.info
        write_packed(self.runtime.estimator, info, file)
        atomic.write_text(save_directory / "config.json", info.to_json())
        text = self.card or card(MODEL_FILE, info, file.stat().st_size, {})
        atomic.write_text(save_directory / CARD_FILE, text if text.startswith("---\n") else _HEAD + text)
        atomic.write_text(save_directory / history_name(MODEL_FILE), history(MODEL_FILE, info))

    @classmethod
    def _from_pretrained(
        cls, *, model_id: str, revision: str | None, cache_dir: str | Path | None, force_download: bool,
        local_files_only: bool, token: str | bool | None, **_: Any,
    ) -> "SharedModel":  # fmt: skip
        folder = Path(model_id)
        if not folder.is_dir():
            folder = download(
                model_id, revision, cache_dir=cache_dir, force_download=force_download,
                local_files_only=local_files_only, token=token,
            )  # fmt: skip
        return cls.of(folder)
