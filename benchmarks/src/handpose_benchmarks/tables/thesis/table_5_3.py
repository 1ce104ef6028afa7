"""Table 5.3 of the thesis: MHP beside published methods, from the runs of Table 5.2."""

from handpose_benchmarks.tables.spec import Quoted, RowSpec, TableSpec

_PRINTED = "as printed in Table 5.3 of the thesis"

TABLE = TableSpec(
    number="5.3",
    title="Results on the MHP dataset",
    method="mvhm",
    datasets=("mhp",),
    rows=(
        RowSpec("MV w/ MVHM", (), {"mhp": {"auc_20_50": 0.990}}, names={"mhp": "Our multi-view method"}),
        RowSpec("MV w/ MVHM, geometry-aware fusion", (), {"mhp": {}}),
    ),
    measures=("auc_20_50",),
    quoted=(
        Quoted("Zimmermann et al.", "mhp", {"auc_20_50": 0.717}, f"Zimmermann et al. 2019, {_PRINTED}"),
        Quoted("Cai et al.", "mhp", {"auc_20_50": 0.928}, f"Cai et al., {_PRINTED}"),
        Quoted("Chen et al.", "mhp", {"auc_20_50": 0.939}, f"Chen et al. (DGGAN), {_PRINTED}"),
    ),
    notes=("The thesis prints 0.991 here and 0.990 in Table 5.2.",),
    runs_of="5.2",
)
