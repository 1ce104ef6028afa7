"""Table 3.2 of the thesis: STB beside Boukhayma et al. (2019), from the runs of Table 3.1."""

from handpose_benchmarks.tables.spec import Quoted, RowSpec, TableSpec

TABLE = TableSpec(
    number="3.2",
    title="EPE mean on the STB dataset beside Boukhayma et al.",
    method="dggan",
    datasets=("stb",),
    rows=(
        RowSpec("Regression + DR + DGGAN", (), {"stb": {"epe_mean": 9.11}}),
        RowSpec("Zimmermann & Brox (re-run)", (), {"stb": {}}, optional=True),
    ),
    measures=("epe_mean",),
    quoted=(
        Quoted(
            "Boukhayma et al.",
            "stb",
            {"epe_mean": 9.76},
            "Boukhayma, de Bem and Torr 2019, as printed in Table 3.2 of the thesis",
        ),
    ),
    runs_of="3.1",
)
