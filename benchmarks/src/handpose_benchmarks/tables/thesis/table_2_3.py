"""Table 2.3 of the thesis: what generated hands gain on another dataset, by a convolutional pose machine."""

from dataclasses import replace

from handpose_benchmarks.tables.spec import IN_PIXELS, RowSpec, TableSpec
from handpose_benchmarks.tables.thesis.table_2_1 import PREPARED, STAGES, VALUES
from handpose_benchmarks.tables.thesis.table_2_2 import pose_machine

TABLE = TableSpec(
    number="2.3",
    title="Results by training on STB and testing on CMU-PS",
    method="hand3d",
    datasets=("cmu_ps",),
    stages={name: replace(stage, on={"cmu_ps": "stb"}) for name, stage in STAGES.items()},
    values=VALUES,
    prepared=PREPARED,
    rows=(
        RowSpec("STB", pose_machine("alone"), {"cmu_ps": {"pck_20": 24.09, "epe_mean_px": 55.99}}),
        RowSpec("+ AR hand w/ CBG", pose_machine("cbg"), {"cmu_ps": {}}),
        RowSpec("+ AR hand w/ RBG", pose_machine("rbg"), {"cmu_ps": {"pck_20": 24.82, "epe_mean_px": 56.67}}),
        RowSpec("+ AR hand w/ pix2pix", pose_machine("pix2pix"), {"cmu_ps": {}}),
        RowSpec("+ AR hand w/ CycleGAN", pose_machine("cyclegan"), {"cmu_ps": {}}),
        RowSpec("+ AR hand w/ TAGAN", pose_machine("tagan"), {"cmu_ps": {"pck_20": 28.81, "epe_mean_px": 52.93}}),
    ),
    measures=("pck_20", "epe_mean_px"),
    protocol=IN_PIXELS,
    notes=(
        "The thesis prints the errors as mm; CMU-PS has 2D joints only, so they are pixels. Its text gives 52.39 for "
        "TAGAN, its table 52.93.",
        "The thesis's text says that RBG enhances the performance: its PCK does, its error is worse.",
        "Pixels are those of the crop, as wide as the recipe's images; the thesis does not say of which image its are.",
        "The trainings are Table 2.2's on STB; CMU-PS is only tested on.",
        "CBG, pix2pix and CycleGAN are none of the thesis's rows here.",
    ),
    trainings_of="2.1",
)
