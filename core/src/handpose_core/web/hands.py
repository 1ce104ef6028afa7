"""The page of ``handpose demo``: a photograph in; the hand drawn on it, turned in 3D, and in numbers."""

import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import trimesh
from jaxtyping import UInt8
from numpy import ndarray

from handpose_core.errors import HandposeError
from handpose_core.hand import JOINT_NAMES, Side
from handpose_core.predict.boxes import parse_box
from handpose_core.predict.cut import Origin
from handpose_core.predict.hands import Hand
from handpose_core.predict.model import HandModel, Known
from handpose_core.predict.outputs import canvas_of
from handpose_core.predict.pictures import Picture, read_picture
from handpose_core.predict.search import Search
from handpose_core.viz.mesh import skeleton, write_glb
from handpose_core.web.server import import_gradio

EXAMPLES = Path(__file__).with_name("examples")
"""Generated pictures that come along."""
_KEPT = 600
"""Seconds that files of answers are kept."""
_SIDES = {"either": None, "right": Side.RIGHT, "left": Side.LEFT}
_HEADERS = ["joint", "u, px", "v, px", "x, mm", "y, mm", "z, mm", "confidence"]


class Answer(NamedTuple):
    """What the page shows.

    Attributes:
        drawn: the picture with the hand on it.
        surface: a binary glTF file of the hand.
        words: what is to be said of it.
        rows: the joints: name, px of the picture, mm about the wrist, confidence.
    """

    drawn: UInt8[ndarray, "h w 3"]
    surface: Path
    words: str
    rows: list[list[str]]


class Demo:
    """Answers pictures; the files of its answers go with it, or are cleared away some minutes later.

    Args:
        model: what looks at them.
    """

    def __init__(self, model: HandModel) -> None:
        self.model = model
        self._files = tempfile.TemporaryDirectory(prefix="handpose-demo-")
        self._count = 0

    def answer(self, picture: Path, side: str, mirrored: bool, box: str) -> Answer:
        """One hand in one picture.

        Args:
            picture: the file.
            side: ``either``, ``right`` or ``left``.
            mirrored: whether the picture is a mirror image.
            box: ``x,y,w,h`` around the hand, px; empty where it shall be looked for.

        Raises:
            HandposeError: the file is no picture, the box is none or lies outside, or the model must be told the side.
        """
        try:
            pixels = read_picture(picture)
        except HandposeError as error:
            raise HandposeError("the picture", error.found, error.expected, error.fix) from error
        known = Known(side=_SIDES[side], mirrored=mirrored)
        if box.strip():
            (hand,) = self.model(pixels, parse_box(box, "box"), known)
        else:
            ((hand,),) = Search(self.model, known)([Picture("the picture", pixels)])
        return Answer(canvas_of(pixels).drawn([hand]), self._surface(hand), _words(hand), _rows(hand))

    def _surface(self, hand: Hand) -> Path:
        folder = Path(self._files.name)
        for old in folder.glob("*.glb"):
            if time.time() - old.stat().st_mtime > _KEPT:
                old.unlink(missing_ok=True)
        self._count += 1
        path = folder / f"hand-{self._count}.glb"
        mesh = hand.mesh and trimesh.Trimesh(hand.mesh.vertices, hand.mesh.faces, process=False)
        write_glb(path, mesh or skeleton(hand.joints_3d))
        return path


def hands_page(demo: Demo) -> Any:
    """Gradio's Blocks, not yet served.

    Raises:
        HandposeError: gradio is not installed.
    """
    gr = import_gradio()

    def show(picture: str | None, side: str, mirrored: bool, box: str) -> tuple[Any, ...]:
        if picture is None:
            return None, None, "", []
        try:
            drawn, surface, words, rows = demo.answer(Path(picture), side, mirrored, box)
        except HandposeError as error:
            raise gr.Error(str(error), print_exception=False) from error
        return drawn, str(surface), words, rows

    shown = {"interactive": False, "buttons": ["download", "fullscreen"]}
    with gr.Blocks(title="handpose", analytics_enabled=False, fill_width=True, delete_cache=(_KEPT, _KEPT)) as page:
        gr.Markdown(f"# A hand in 3D from one picture\nModel: {_model(demo.model)}. Nothing leaves this machine.")
        with gr.Row():
            with gr.Column(scale=2):
                picture = _photograph(gr)
                side = gr.Radio(list(_SIDES), value="either", label="which hand it is")
                mirrored = gr.Checkbox(label="a mirror image, as of a selfie camera")
                box = gr.Textbox(label="around the hand: left, top, width, height in px (empty: it is looked for)")
                examples = _examples()
                if examples:
                    gr.Examples([[str(path)] for path in examples], picture, label="generated hands to try")
            with gr.Column(scale=3):
                with gr.Row():
                    drawn = gr.Image(label="the hand on the picture", format="jpeg", height=420, **shown)
                    surface = gr.Model3D(label="in 3D: drag to turn", height=420, interactive=False)
                words = gr.Markdown()
                joints = gr.Dataframe(headers=_HEADERS, interactive=False, show_label=False, max_height=420)
    inputs, outputs = [picture, side, mirrored, box], [drawn, surface, words, joints]
    one = {"concurrency_id": "model", "concurrency_limit": 1}
    with page:
        picture.change(show, inputs, outputs, api_name="hand", **one)
        for choice in (side, mirrored):
            choice.input(show, inputs, outputs, api_name=False, **one)
        box.submit(show, inputs, outputs, api_name=False, **one)
    return page


def _photograph(gr: Any) -> Any:
    """An upload that comes as the file it was: it is read as ``handpose predict`` reads it, whatever is in it."""
    picture = gr.Image(label="a picture of one hand", type="filepath", sources=["upload", "webcam", "clipboard"])
    picture.preprocess = lambda payload: payload.path if payload else None  # gradio's would look into it, and fail
    return picture


def _examples() -> Sequence[Path]:
    return sorted(EXAMPLES.glob("*.jpg"))


def _model(model: HandModel) -> str:
    return f"{model.info.method.rsplit('.', 1)[-1]}, {model.info.image_size} px"


def _words(hand: Hand) -> str:
    said = []
    if hand.side is not None:
        sure = f" ({hand.side_confidence:.0%} sure)" if hand.side_confidence is not None else ""
        said.append(f"A **{hand.side.name.lower()} hand**{sure}.")
    said.append(f"Mean confidence {hand.mean_confidence:.2f}.")
    if hand.is_low:
        said.append("**That is low: perhaps there is no hand, or it fills too little of the picture.**")
    if hand.origin is Origin.SEARCH:
        said.append("It was looked for by the model itself, in squares all over the picture: a box around it is surer.")
    return " ".join(said)


def _rows(hand: Hand) -> list[list[str]]:
    columns = zip(JOINT_NAMES, hand.joints_2d, hand.joints_3d, hand.confidence, strict=True)
    return [
        [name, *(f"{value:z.1f}" for value in (*where, *place)), f"{sure:.2f}"] for name, where, place, sure in columns
    ]
