"""The page of ``handpose data show --web``: a dataset's samples to leaf through."""

import random
from typing import Any

from handpose_core.errors import HandposeError
from handpose_core.web.leaves import Leaves
from handpose_core.web.server import import_gradio

_KEPT = 600
"""Seconds that the files of pictures shown are kept, and between looks at what is older."""
_PICTURE = {"format": "png", "interactive": False, "show_label": False, "buttons": ["download", "fullscreen"]}


def dataset_page(leaves: Leaves, split: str, index: int) -> Any:
    """Gradio's Blocks, not yet served.

    Args:
        leaves: The dataset.
        split: Which is shown first.
        index: Which sample of it.

    Raises:
        HandposeError: gradio is not installed, or the split cannot be read.
    """
    gr = import_gradio()
    first, last = leaves.leaf(split, index), len(leaves.source(split)) - 1
    with gr.Blocks(
        title=f"{leaves.dataset}: {leaves.root.name}",
        analytics_enabled=False,
        fill_width=True,
        delete_cache=(_KEPT, _KEPT),
    ) as page:
        with gr.Row():
            splits = gr.Dropdown(leaves.splits, value=split, label="split", scale=1, min_width=140)
            number = gr.Slider(0, max(last, 1), value=index, step=1, label=f"sample, 0 to {last}", scale=6)
            name = gr.Textbox(first.name, label=leaves.dataset, scale=4)
        with gr.Row():
            previous, following, anywhere = (gr.Button(words) for words in ("previous", "next", "random"))
        problem = gr.Textbox(first.problem, label="cannot be read", lines=2, visible=bool(first.problem))
        with gr.Row():
            picture = gr.Image(first.picture, **_PICTURE, scale=3)
            labels = gr.Dataframe(first.labels, **_table("label", "value"), scale=2)
        choices = gr.Dataframe(_description(leaves, split), **_table("how it was read", "choice"))

    def turn(split: str, index: float) -> tuple[Any, ...]:
        leaf = leaves.leaf(split, int(index))
        return (
            leaf.name,
            gr.Textbox(leaf.problem, visible=bool(leaf.problem)),
            leaf.picture,
            leaf.labels,
        )

    def open_split(split: str) -> tuple[Any, ...]:
        last = _length(leaves, split) - 1
        slider = gr.Slider(maximum=max(last, 1), value=0, label=f"sample, 0 to {last}")
        return slider, _description(leaves, split), *turn(split, 0)

    def step(by: int) -> Any:
        return lambda split, index: (int(index) + by) % max(_length(leaves, split), 1)

    # One reader at a time: of many requests for the next sample only the last is worth its drawing.
    one = {"concurrency_id": "reader", "concurrency_limit": 1, "show_progress": "hidden"}
    leaf = [name, problem, picture, labels]
    with page:
        number.change(turn, [splits, number], leaf, trigger_mode="always_last", api_name="sample", **one)
        splits.input(open_split, splits, [number, choices, *leaf], api_name="split", **one)
        previous.click(step(-1), [splits, number], number, api_name="previous", **one)
        following.click(step(1), [splits, number], number, api_name="next", **one)
        anywhere.click(lambda split: random.randrange(max(_length(leaves, split), 1)), splits, number,
                       api_name="random", **one)  # fmt: skip
    return page


def _table(*headers: str) -> dict[str, Any]:
    look = {"interactive": False, "wrap": True, "show_label": False, "max_height": 2000, "buttons": ["copy"]}
    return {"headers": list(headers), "column_widths": ["35%", "65%"], **look}


def _length(leaves: Leaves, split: str) -> int:
    """How many samples; none of a split that cannot be read, of which the leaf tells why."""
    try:
        return len(leaves.source(split))
    except HandposeError:
        return 0


def _description(leaves: Leaves, split: str) -> list[tuple[str, str]]:
    try:
        return list(leaves.source(split).describe().items())
    except HandposeError:
        return []
