"""What a model says of itself, in a checkpoint or inside an exported file, as far as pictures are concerned."""

import json
from dataclasses import asdict, dataclass
from importlib.metadata import version

from handpose_core.errors import HandposeError
from handpose_core.hand import JOINT_NAMES

INPUT_IMAGE, INPUT_SIDE = "image", "side"
OUTPUTS = ("joints_2d", "z_rel", "scores")
"""Names of an exported graph's outputs, in order; as in `handpose_core.training.prediction.Estimate`."""
MESH_OUTPUTS = ("xyz", "vertices", "right", "is_right", "middle", "presence")
"""And further ones, of a model that gives meshes; as in `handpose_core.predict.runtime.Meshes`."""
METADATA_KEY = "handpose"
"""Under this key an exported file holds a `ModelInfo` as JSON."""
FACES_KEY = "faces"
"""Under this key one that gives meshes holds their corners, right hands' counter-clockwise from outside, as JSON."""


@dataclass(frozen=True)
class ModelInfo:
    """What is needed to run a model on a picture, and where it comes from.

    Args:
        method: the class that estimates.
        image_size: side of the crops that it was trained on, px.
        crop_scale: their side over the longer extent of the joints.
        bone_mm: length of the reference bone, in mm: a hand's size where none is given.
        told_side: whether it has to be told if a hand is a left or a right one.
        decoder: how joints are read off its maps.
        trained_on: the history of its weights, training by training.
        right_handed: whether it was trained on left hands mirrored to right ones, and is shown them so.
        hand_mm: length from the wrist to the middle finger's tip along the bones, mm, of a hand whose size is not
            given; None scales by `bone_mm`. The whole hand errs less than one of its bones.
        joints: the joints' names, in order.
        made_by: the version of the suite that wrote this.
    """

    method: str
    image_size: int
    crop_scale: float
    bone_mm: float
    told_side: bool
    decoder: str
    trained_on: tuple[dict[str, str], ...]
    right_handed: bool = False
    hand_mm: float | None = None
    joints: tuple[str, ...] = JOINT_NAMES
    made_by: str = f"handpose-core {version('handpose-core')}"

    def to_json(self) -> str:
        """All of it as one JSON object."""
        return json.dumps(asdict(self))


def info_from_json(where: str, text: str) -> ModelInfo:
    """What `ModelInfo.to_json` wrote.

    Args:
        where: the file, for messages.
        text: what stands in it.

    Raises:
        HandposeError: it is something else, or the joints are others.
    """
    try:
        fields = json.loads(text)
        info = ModelInfo(
            **{
                **fields,
                "trained_on": tuple(fields["trained_on"]),
                "joints": tuple(fields["joints"]),
            }
        )
    except (ValueError, TypeError, KeyError) as error:
        raise HandposeError(
            f"{where}, metadata '{METADATA_KEY}'",
            f"something that cannot be read ({error})",
            "what handpose export writes there",
            "Export the checkpoint again with this version: handpose export CKPT OUT.onnx",
        ) from error
    if info.joints != JOINT_NAMES:
        raise HandposeError(
            f"{where}, metadata '{METADATA_KEY}', joints",
            ", ".join(info.joints),
            ", ".join(JOINT_NAMES),
            "Export the checkpoint again with this version: handpose export CKPT OUT.onnx",
        )
    return info
