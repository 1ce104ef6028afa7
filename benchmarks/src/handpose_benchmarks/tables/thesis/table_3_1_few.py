"""Table 3.1 where few depths are labelled: what the depth regulariser is for."""

from dataclasses import replace

from handpose_benchmarks.tables.spec import RowSpec, StageSpec
from handpose_benchmarks.tables.thesis.table_3_1 import TABLE as ALL_LABELLED

_FIRST = ("depth", "regulariser")
_FEW = ("--model.depth_labels", "ShareOfDepths", "--model.depth_labels.share", "0.05")
# the regulariser speaks for 19 pictures of 20, where nothing else does
_JOINED = (*_FEW, "--model.objective.lambda_dep", "10")


def _few(name: str, further: tuple[str, ...]) -> StageSpec:
    stage = ALL_LABELLED.stages[name]
    return replace(stage, arguments=(*stage.arguments, *further))


TABLE = replace(
    ALL_LABELLED,
    number="3.1.few",
    title="As Table 3.1, with joint depths labelled on one picture of twenty",
    stages={
        **{name: ALL_LABELLED.stages[name] for name in _FIRST},
        "regression_few": _few("regression", _FEW),
        **{f"{name}_few": _few(name, _JOINED) for name in ("joined", "joined_true", "joined_alone")},
    },
    rows=tuple(
        RowSpec(row.name, (*_FIRST, *(f"{name}_few" for name in row.stages[2:])), {name: {} for name in row.printed})
        for row in ALL_LABELLED.rows
        if not row.optional
    ),
    curves=None,
    notes=(
        "Not in the thesis, where all joints of all pictures are labelled in 3D. A regulariser sees the pose network "
        "through its 21 places and depths; where these have labels, it can say nothing of them that is new.",
        "2D joints are labelled on all pictures.",
    ),
    trainings_of="3.1",
)
