"""Table 2.2 of the thesis: what generated hands gain in 2D, by a convolutional pose machine."""

from handpose_benchmarks.tables.spec import IN_PIXELS, RowSpec, TableSpec
from handpose_benchmarks.tables.thesis.table_2_1 import PREPARED, STAGES, VALUES


def pose_machine(name: str) -> tuple[str, ...]:
    """The stages of Table 2.1's rows up to their last training of PoseNet, which `lifting` leaves as it is."""
    return ("posenet", "lifting", f"posenet_{name}")


TABLE = TableSpec(
    number="2.2",
    title="Ablation study for 2D pose estimation results",
    method="hand3d",
    datasets=("rhd", "stb"),
    stages=STAGES,
    values=VALUES,
    prepared=PREPARED,
    rows=(
        RowSpec(
            "RHP",
            pose_machine("alone"),
            {"rhd": {"pck_20": 88.45, "epe_mean_px": 10.76}, "stb": {"pck_20": 96.6, "epe_mean_px": 7.61}},
            names={"stb": "STB"},
        ),
        RowSpec("+ AR hand w/ CBG", pose_machine("cbg"), {"rhd": {}, "stb": {}}),
        RowSpec(
            "+ AR hand w/ RBG",
            pose_machine("rbg"),
            {"rhd": {"pck_20": 90.00, "epe_mean_px": 9.80}, "stb": {"pck_20": 96.7, "epe_mean_px": 7.59}},
        ),
        RowSpec("+ AR hand w/ pix2pix", pose_machine("pix2pix"), {"rhd": {}, "stb": {}}),
        RowSpec("+ AR hand w/ CycleGAN", pose_machine("cyclegan"), {"rhd": {}, "stb": {}}),
        RowSpec(
            "+ AR hand w/ TAGAN",
            pose_machine("tagan"),
            {"rhd": {"pck_20": 90.01, "epe_mean_px": 9.78}, "stb": {"pck_20": 97.0, "epe_mean_px": 7.55}},
        ),
    ),
    measures=("pck_20", "epe_mean_px"),
    protocol=IN_PIXELS,
    notes=(
        "Pixels are those of the crop, as wide as the recipe's images; the thesis does not say of which image its are.",
        "All rows are trained on the target alone first, then on it and as many generated hands; the first row goes on "
        "with the target alone for as many steps. The thesis does not say whether its baseline did.",
        "The pose machine is PoseNet of Table 2.1's trainings, on the labels' crops: three stages; Wei et al.'s has "
        "six.",
        "CBG, pix2pix and CycleGAN are none of the thesis's rows here.",
        "RHTD, the demo recipe's share of labels, and how often generated sets are made: see Table 2.1.",
    ),
    trainings_of="2.1",
)
