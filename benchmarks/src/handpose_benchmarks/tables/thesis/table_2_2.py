"""Table 2.2 of the thesis: what generated hands gain in 2D, by a convolutional pose machine."""

from handpose_benchmarks.tables.datasets import GENERATED_SETS
from handpose_benchmarks.tables.spec import IN_PIXELS, RowSpec, StageSpec, TableSpec

# PoseNet of Hand3D is a pose machine; with as many stages as Wei et al. 2016 have it is the CPM
CPM = ("--model.localiser", "GivenCrop", "--model.size.posenet.stages", "${stages}")
# as many steps with the target alone as with generated hands beside it, so that a gain is not that of longer training
ON = ("--trainer.max_epochs", "-1", "--trainer.max_steps", "${steps}")
RECIPE = "${recipe}-2-posenet"
VALUES = {"demo": {"steps": "600", "stages": "3"}, "paper": {"steps": "20000", "stages": "6"}}
STAGES = {
    "cpm": StageSpec(RECIPE, CPM),
    "cpm_alone": StageSpec(RECIPE, (*CPM, *ON)),
    **{f"cpm_{name}": StageSpec(RECIPE, (*CPM, *ON), mixed_with={name: 1.0}) for name in GENERATED_SETS},
}

TABLE = TableSpec(
    number="2.2",
    title="Ablation study for 2D pose estimation results",
    method="hand3d",
    datasets=("rhd", "stb"),
    stages=STAGES,
    values=VALUES,
    rows=(
        RowSpec(
            "RHP",
            ("cpm", "cpm_alone"),
            {"rhd": {"pck_20": 88.45, "epe_mean_px": 10.76}, "stb": {"pck_20": 96.6, "epe_mean_px": 7.61}},
            names={"stb": "STB"},
        ),
        RowSpec("+ AR hand w/ CBG", ("cpm", "cpm_cbg"), {"rhd": {}, "stb": {}}),
        RowSpec(
            "+ AR hand w/ RBG",
            ("cpm", "cpm_rbg"),
            {"rhd": {"pck_20": 90.00, "epe_mean_px": 9.80}, "stb": {"pck_20": 96.7, "epe_mean_px": 7.59}},
        ),
        RowSpec("+ AR hand w/ pix2pix", ("cpm", "cpm_pix2pix"), {"rhd": {}, "stb": {}}),
        RowSpec("+ AR hand w/ CycleGAN", ("cpm", "cpm_cyclegan"), {"rhd": {}, "stb": {}}),
        RowSpec(
            "+ AR hand w/ TAGAN",
            ("cpm", "cpm_tagan"),
            {"rhd": {"pck_20": 90.01, "epe_mean_px": 9.78}, "stb": {"pck_20": 97.0, "epe_mean_px": 7.55}},
        ),
    ),
    measures=("pck_20", "epe_mean_px"),
    protocol=IN_PIXELS,
    notes=(
        "Pixels are those of the crop, as wide as the recipe's images; the thesis does not say of which image its are.",
        "All rows are trained on the target alone first, then on it and as many generated hands; the first row goes on "
        "with the target alone for as many steps. The thesis does not say whether its baseline did.",
        "The pose machine is PoseNet of Hand3D on the labels' crops, with six stages in the recipe `paper`.",
        "CBG, pix2pix and CycleGAN are none of the thesis's rows here.",
        "RHTD, and how often generated sets are made: see Table 2.1.",
    ),
    trainings_of="2.1",  # one folder of twins and generated sets for both
)
