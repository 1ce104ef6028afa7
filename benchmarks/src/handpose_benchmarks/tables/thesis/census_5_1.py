"""Table 5.1 of the thesis: hand datasets side by side."""

from handpose_benchmarks.tables.census import Census, Holdings


def _depth_camera(resolution: tuple[int, int], annotation: str, size: str) -> Holdings:
    return Holdings(False, True, "real", resolution, annotation, size, False)


def _colour(resolution: tuple[int, int], size: str, several_views: bool, mesh: str | None = "MANO") -> Holdings:
    return Holdings(True, False, "real", resolution, "auto", size, several_views, mesh)


CENSUS = Census(
    number="5.1",
    title="Hand datasets",
    printed={
        "ICVL": _depth_camera((320, 320), "tracking", "18K"),
        "NYU": _depth_camera((648, 480), "tracking", "243K"),
        "MSRA": _depth_camera((1920, 1080), "tracking", "76K"),
        "BigHand2.2M": _depth_camera((640, 480), "marker", "2.2M"),
        "STB": Holdings(True, True, "real", (640, 480), "manual", "36K", False),
        "RHP": Holdings(True, True, "synthetic", (320, 320), "synthetic", "44K", False),
        "Dexter+Object": Holdings(True, True, "real", (640, 480), "manual", "3K", False),
        "EgoDexter": Holdings(True, True, "real", (640, 480), "manual", "3K", False),
        "MHP": _colour((640, 480), "80K", True, None),
        "FreiHand": _colour((224, 224), "134K", False),
        "InterHand": _colour((512, 334), "2.2M", True),
        "Youtube Hand": _colour((256, 256), "47K", False),
        "MVHM of the thesis, never published": Holdings(
            True, True, "synthetic", (256, 256), "synthetic", "320K", True, "yes"
        ),
    },
    notes=(
        "As printed but for two resolutions, in which the thesis errs: RHP's (RHD's) pictures are 320×320, not "
        "640×480, and MHP's 640×480, not 480×480. STB has 18,000 poses in front of each of two cameras.",
        "The rows in bold are counted from the folders' own manifests.",
    ),
)
