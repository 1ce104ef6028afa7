"""``handpose tagan superpose``: lay simulated hands over real ones."""

import argparse
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from handpose_tagan.superposition.hands import RealHand, Unfit


def main(argv: Sequence[str]) -> int:
    """Run ``handpose tagan superpose``; the exit status."""
    options = _parser().parse_args(argv)
    from handpose_tagan.simulation.reader import SimulatedFolder
    from handpose_tagan.superposition.bulk import Tally, finished_with, superpose_all, write_superposed
    from handpose_tagan.superposition.compose import Superposition
    from handpose_tagan.superposition.matching import Affine, Family, Similarity

    simulated, made_with = SimulatedFolder(options.simulated), _made_with(options)
    if finished_with(options.out, made_with):
        print(f"{options.out}: was finished before")
        return 0
    hands = _hands(options)
    family: Family = Affine() if options.maps == "affine" else Similarity()
    tally = Tally()
    pictures = superpose_all(hands, simulated, Superposition(size=options.size), family, options.each, tally)
    write_superposed(pictures, options.out, tally, made_with)
    print(f"{options.out}: {tally}")
    return 0


def _hands(options: argparse.Namespace) -> "Iterator[RealHand | Unfit]":
    """The real hands, as labels or a detector tell where they are."""
    from handpose_tagan.detection.detectors import detected_hands, detector_of, labelled_hands
    from handpose_tagan.detection.mediapipe import MediaPipe

    if options.mediapipe_python is not None:
        with MediaPipe(options.mediapipe_python) as detector:
            yield from detected_hands(options.real, detector, options.threshold)
    elif options.detector is not None:
        network = detector_of(options.detector, options.detector_size)
        yield from detected_hands(options.real, network, options.threshold)
    else:
        yield from labelled_hands(options.real, options.labels)


def _made_with(options: argparse.Namespace) -> dict[str, Any]:
    """What the pictures depend on: nothing is drawn here, so the seed is the simulated hands'."""
    from handpose_core import __version__
    from handpose_core.datasets.folder import LABELS_FILE
    from handpose_core.io.checksums import file_checksum
    from handpose_core.synth.generate import MANIFEST, read_manifest
    from handpose_tagan.simulation.bulk import PART

    manifest = options.simulated / MANIFEST
    keypoints: dict[str, Any] = {"labels": Path(options.labels).name}
    if options.detector is not None:
        keypoints = {"detector": options.detector.name, "checksum": file_checksum(options.detector)}
        keypoints |= {"detector_size": options.detector_size, "threshold": options.threshold}
    if options.mediapipe_python is not None:
        keypoints = {"detector": "MediaPipe", "threshold": options.threshold}
    return {
        "real": options.real.resolve().name,
        "real_files": _contents(options.real, None if options.detector or options.mediapipe_python else options.labels),
        "simulated": options.simulated.resolve().name,
        "simulated_labels": file_checksum(options.simulated / PART / LABELS_FILE),
        "seed": read_manifest(options.simulated).get("seed") if manifest.is_file() else None,
        "keypoints": keypoints,
        "options": {"each": options.each, "maps": options.maps, "size": options.size},
        "version": __version__,
    }


def _contents(real: Path, labels: str | None) -> str:
    """Compute a checksum of the names and sizes of real pictures and of their labels: folders may share a name.

    Args:
        real: Folder of pictures, or a video.
        labels: Name of the file of labels, as given; None where a detector is asked.

    Returns:
        SHA-256, hexadecimal.
    """
    from hashlib import sha256

    from handpose_core.datasets.folder import LABELS_FILE
    from handpose_core.io.checksums import file_checksum

    files = sorted(path for path in real.rglob("*") if path.is_file()) if real.is_dir() else [real]
    listed = [f"{path.relative_to(real.parent).as_posix()} {path.stat().st_size}" for path in files]
    own = (real if real.is_dir() else real.parent) / (LABELS_FILE if labels == "auto" else labels or "")
    checksum = file_checksum(own) if labels is not None and own.is_file() else "no labels"
    return sha256("\n".join([*listed, checksum]).encode()).hexdigest()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="handpose tagan superpose",
        description="Find the simulated pose that fits each real hand best, and lay it over the picture in its place. "
        "What cannot be used is counted with the reason. A folder that was finished with the same is left as it is.",
    )
    parser.add_argument("real", type=Path, help="folder of pictures of one hand each, or a video")
    parser.add_argument("simulated", type=Path, help="folder that handpose tagan simulate made")
    parser.add_argument("out", type=Path, help="folder of the superposed hands")
    parser.add_argument(
        "--labels", default="auto", help="the pictures' keypoints: labels.npz by default, or a file in their folder"
    )
    parser.add_argument("--detector", type=Path, help="a pose network's checkpoint, instead of labels")
    parser.add_argument("--detector-size", type=int, default=256, help="side of its images, px (default %(default)s)")
    parser.add_argument(
        "--mediapipe-python", metavar="PYTHON", help="MediaPipe instead of either: a Python that can import it"
    )
    parser.add_argument("--threshold", type=float, default=0.3, help="least score of a keypoint (default %(default)s)")
    parser.add_argument("--each", type=int, default=1, help="simulated hands a real one (default %(default)s)")
    parser.add_argument("--maps", choices=["similarity", "affine"], default="similarity", help="g of (2.4)")
    parser.add_argument("--size", type=int, default=256, help="side of the pictures, px (default %(default)s)")
    return parser
