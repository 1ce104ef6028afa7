"""Models in folders as the Hugging Face Hub has them, and by their names there: ``hf://owner/name[@revision]``."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any

from handpose_core.errors import HandposeError

MODEL_FILE, CARD_FILE = "model.safetensors", "README.md"
INSTALL = "python -m pip install 'handpose-core[hub]'"
_SCHEME = "hf:"
_NAME = re.compile(rf"{_SCHEME}/(?P<repo>[^/@]+/[^/@]+)(@(?P<revision>.+))?")


def located(path: Path) -> Path:
    """A model's file: ``path`` itself, or what lies in the folder or on the Hub that it names.

    Raises:
        HandposeError: the folder holds no model, or the Hub does not give it.
    """
    folder = _downloaded(path.as_posix()) if path.as_posix().startswith(_SCHEME) else path
    if not folder.is_dir():
        return path
    if not (folder / MODEL_FILE).is_file():
        raise HandposeError(
            str(path),
            f"no {MODEL_FILE} in it",
            "a model's folder, such as SharedModel.save_pretrained writes",
            "Name the file itself; checkpoints lie in <run folder>/fit/checkpoints.",
        )
    return folder / MODEL_FILE


def download(repo: str, revision: str | None = None, **options: Any) -> Path:
    """The folder of a model's file and card, from the Hub or, where they have been fetched before, the cache.

    Args:
        repo: ``owner/name``.
        revision: a branch, tag or commit; the main branch by default.
        **options: further ones of ``huggingface_hub.snapshot_download``.

    Raises:
        HandposeError: huggingface_hub is not installed, or the Hub does not give it.
    """
    with hub_errors(repo):
        files = [MODEL_FILE, CARD_FILE]
        return Path(import_hub().snapshot_download(repo, revision=revision, allow_patterns=files, **options))


def import_hub() -> ModuleType:
    """huggingface_hub, which only models of the Hub need.

    Raises:
        HandposeError: it is not installed.
    """
    try:
        import huggingface_hub
    except ImportError as error:
        raise HandposeError("Hugging Face Hub", f"no {error.name}", "the extra handpose-core[hub]", INSTALL) from error
    return huggingface_hub


@contextmanager
def hub_errors(repo: str) -> Iterator[None]:
    """Tell the user what the Hub does not do.

    Raises:
        HandposeError: huggingface_hub is not installed, or raised an error within.
    """
    import_hub()
    from huggingface_hub import errors

    def told(found: str, expected: str, fix: str) -> HandposeError:
        return HandposeError(f"Hugging Face Hub, {repo}", found, expected, fix)

    try:
        yield
    except errors.HFValidationError as error:
        raise told("no name of a model there", "owner/name", "A local folder has to exist.") from error
    except errors.RevisionNotFoundError as error:
        raise told("no such revision", "a branch, tag or commit of it", "Leave it out for the newest.") from error
    except (errors.RepositoryNotFoundError, errors.LocalTokenNotFoundError) as error:
        raise told(
            "no such model, or none that you may use",
            "a public one, or your own",
            "Check the name; for your own log in: hf auth login",
        ) from error
    except errors.HfHubHTTPError as error:
        raise told(f"a refusal ({_reason(error)})", "its consent", "Log in: hf auth login; or try later.") from error
    except (errors.LocalEntryNotFoundError, errors.OfflineModeIsEnabled, errors.HTTPError) as error:
        raise told(
            f"no answer ({_reason(error)}), and no earlier download",
            "a connection",
            f"Connect once, or give a folder with a {MODEL_FILE}.",
        ) from error


def _reason(error: BaseException) -> str:
    """The first line of what went wrong first."""
    while error.__cause__ is not None:
        error = error.__cause__
    return (str(error).splitlines() or [type(error).__name__])[0]


def _downloaded(name: str) -> Path:
    parts = _NAME.fullmatch(name)  # a Path has made one slash of two
    if parts is None:
        raise HandposeError(
            f"model {name}",
            "no name of a model on the Hugging Face Hub",
            "hf://owner/name",
            "For a revision add @ and its name.",
        )
    return download(parts["repo"], parts["revision"])
