"""Chebyshev convolution on graphs, and pooling over a stored coarsening.

Features are kept as (nodes, batch, channels) from layer to layer: the sparse products then run over contiguous rows.
"""

import warnings
from collections.abc import Iterator, Mapping
from typing import Any, cast

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from scipy.sparse import csr_array, diags_array, eye_array
from scipy.sparse.linalg import eigsh
from torch import Tensor, nn

from handpose_core.errors import HandposeError
from handpose_core.mesh import Coarsening, require_graph

_DENSE_BELOW = 64
"""Nodes below which all eigenvalues are worked out at once."""


def scaled_laplacian(weights: csr_array) -> tuple[csr_array, float]:
    """``2 L / lambda_max - I`` of the normalised Laplacian ``L = I - D^-1/2 W D^-1/2``, and its true ``lambda_max``.

    Its eigenvalues lie in [-1, 1], where Chebyshev polynomials stay bounded. A node without edges has a row of zeros
    in L and so -1 on the diagonal: it keeps to itself.

    Args:
        weights: symmetric adjacency matrix.

    Raises:
        HandposeError: the matrix is no graph's.
    """
    require_graph(weights)
    count = weights.shape[0]
    degrees = weights.sum(1)
    root = np.sqrt(degrees, where=degrees > 0, out=np.ones_like(degrees))
    laplacian = diags_array((degrees > 0).astype(float)) - diags_array(1 / root) @ weights @ diags_array(1 / root)
    laplacian = (laplacian + laplacian.T) / 2  # its own transpose to the last bit, as the backward pass takes it
    if count < _DENSE_BELOW:
        largest = float(np.linalg.eigvalsh(laplacian.toarray())[-1])
    else:  # the start is set: a random one would change the last bits from run to run
        start = np.random.default_rng(0).standard_normal(count)
        largest = float(eigsh(laplacian, k=1, which="LA", v0=start, return_eigenvectors=False)[0])
    scale = 2 / largest if largest > 0 else 0.0
    scaled = csr_array(scale * laplacian - eye_array(count))
    scaled.sort_indices()
    return scaled, largest


class GraphBuffers(nn.Module):
    """A module whose buffers describe a graph and come back from a checkpoint as they were, whatever their sizes."""

    def _load_from_state_dict(self, state_dict: Mapping[str, Any], prefix: str, *rest: Any) -> None:
        for name, buffer in self.named_buffers(recurse=False):
            stored = state_dict.get(prefix + name)
            if stored is not None and stored.shape != buffer.shape:
                setattr(self, name, buffer.new_empty(stored.shape))
        super()._load_from_state_dict(state_dict, prefix, *rest)  # type: ignore[arg-type]


class ScaledLaplacian(GraphBuffers):
    """The sparse operator of Chebyshev convolutions: ``2 L / lambda_max - I``.

    Args:
        weights: symmetric adjacency matrix of any graph: a level of a `Coarsening`, a skeleton's bones.
    """

    rows: Int[Tensor, "_"]
    columns: Int[Tensor, "_"]
    values: Float[Tensor, "_"]
    lambda_max: Float[Tensor, ""]
    neighbours: Int[Tensor, "nodes most"]
    couplings: Float[Tensor, "nodes most"]

    def __init__(self, weights: csr_array) -> None:
        super().__init__()
        scaled, largest = scaled_laplacian(weights)
        self.register_buffer("rows", torch.from_numpy(scaled.indptr.astype(np.int32)))
        self.register_buffer("columns", torch.from_numpy(scaled.indices.astype(np.int32)))
        self.register_buffer("values", torch.from_numpy(scaled.data.astype(np.float32)))
        self.register_buffer("lambda_max", torch.tensor(largest, dtype=torch.float32))
        self._list_neighbours()

    def _list_neighbours(self) -> None:
        """The rows once more, filled up with zeros to equal lengths: not stored, as the others say it all."""
        rows = self.rows.long().cpu()
        lengths = rows.diff()
        place = torch.arange(int(lengths.max()))[None].expand(len(lengths), -1)
        taken = place < lengths[:, None]
        where = torch.where(taken, rows[:-1, None] + place, 0)
        columns, values = self.columns.long().cpu()[where], self.values.cpu()[where]
        device = self.rows.device
        self.register_buffer("neighbours", torch.where(taken, columns, 0).to(device), persistent=False)
        self.register_buffer("couplings", torch.where(taken, values, 0).to(device), persistent=False)

    def _load_from_state_dict(self, state_dict: Mapping[str, Any], prefix: str, *rest: Any) -> None:
        super()._load_from_state_dict(state_dict, prefix, *rest)
        self._list_neighbours()

    @property
    def nodes(self) -> int:
        """How many nodes the graph has, fake ones included."""
        return len(self.rows) - 1

    def matrix(self, dtype: torch.dtype) -> Tensor:
        """The operator as a sparse CSR tensor; it shares the buffers' memory."""
        size = (self.nodes, self.nodes)
        values = self.values.to(dtype)
        with warnings.catch_warnings():  # torch says once in every process that its CSR support is new
            warnings.filterwarnings("ignore", "Sparse CSR tensor support is in beta")
            return torch.sparse_csr_tensor(self.rows, self.columns, values, size, check_invariants=False)

    def gathered(self, features: Float[Tensor, "nodes batch channels"]) -> Float[Tensor, "nodes batch channels"]:
        """The operator applied by gathering neighbours: for compilers and file formats that know no sparse matrices."""
        couplings = self.couplings.to(features.dtype)[..., None, None]
        return (features[self.neighbours] * couplings).sum(1)


class ChebyshevConv(nn.Module):
    """``sum_k T_k(2 L / lambda_max - I) X theta_k + bias`` (Defferrard et al. 2016, equation 4).

    Works in float32 (float64 for float64 input), also under autocast: half precision would lose the recurrence.

    Args:
        inputs: channels that come in.
        outputs: channels that go out.
        order: K, the terms of the polynomial; a node hears of those up to K - 1 edges away.
    """

    def __init__(self, inputs: int, outputs: int, order: int = 3) -> None:
        super().__init__()
        if order < 1:
            raise HandposeError("Chebyshev order", str(order), "1 or more", "Give the number of polynomial terms.")
        self.weight = nn.Parameter(torch.empty(order, inputs, outputs))
        self.bias = nn.Parameter(torch.zeros(outputs))
        bound = (6 / (order * inputs + outputs)) ** 0.5  # Glorot, over all that a node sums
        nn.init.uniform_(self.weight, -bound, bound)

    def forward(
        self, features: Float[Tensor, "nodes batch inputs"], laplacian: ScaledLaplacian
    ) -> Float[Tensor, "nodes batch outputs"]:
        """Filter the features on the graph of ``laplacian``.

        Raises:
            HandposeError: the features are not on as many nodes as the graph has.
        """
        if len(features) != laplacian.nodes:
            raise HandposeError(
                "graph features", f"{len(features)} nodes", f"{laplacian.nodes}, the graph's",
                "Bring them into the graph's order with GraphPyramid.pad.",
            )  # fmt: skip
        with torch.autocast(features.device.type, enabled=False):
            kind = torch.float64 if features.dtype == torch.float64 else torch.float32
            if torch.compiler.is_compiling():  # torch.export among others
                return gathered_filter(features.to(kind), self.weight.to(kind), self.bias.to(kind), laplacian)
            return chebyshev_filter(features.to(kind), self.weight.to(kind), self.bias.to(kind), laplacian.matrix(kind))


def chebyshev_filter(
    features: Float[Tensor, "nodes batch inputs"],
    weight: Float[Tensor, "order inputs outputs"],
    bias: Float[Tensor, "outputs"],
    laplacian: Tensor,
) -> Float[Tensor, "nodes batch outputs"]:
    """``sum_k T_k(laplacian) features weight[k] + bias``, differentiable once in all but the Laplacian.

    Args:
        features: on the graph's nodes.
        weight: theta_k.
        bias: of each output.
        laplacian: sparse CSR, symmetric: the backward pass uses it as its own transpose.
    """
    return _PolynomialFilter.apply(features, _fold(weight), bias, laplacian)  # type: ignore[no-untyped-call]


def gathered_filter(
    features: Float[Tensor, "nodes batch inputs"],
    weight: Float[Tensor, "order inputs outputs"],
    bias: Float[Tensor, "outputs"],
    laplacian: ScaledLaplacian,
) -> Float[Tensor, "nodes batch outputs"]:
    """The same as `chebyshev_filter` in operations that exporters know; slower, and its gradients keep every term.

    Args:
        features: on the graph's nodes.
        weight: theta_k.
        bias: of each output.
        laplacian: of the graph.
    """
    before, now = features, features
    total = bias + now @ weight[0]
    for number, theta in enumerate(weight[1:]):
        step = laplacian.gathered(now)
        before, now = now, step if number == 0 else 2 * step - before
        total = total + now @ theta
    return total


def _fold(weight: Float[Tensor, "order inputs outputs"]) -> Float[Tensor, "order inputs outputs"]:
    """The weights for terms T_0 X ... T_(K-2) X and L T_(K-2) X: the last step's ``2 L T_(K-2) - T_(K-3)`` is in them.

    It spares the last and, for K = 3, every subtraction of whole feature maps, without leaving the stable recurrence.
    """
    if len(weight) < 3:
        return weight
    *before, third, second, last = weight
    return torch.stack([*before, third - last, second, 2 * last])


def _terms(features: Tensor, laplacian: Tensor, order: int) -> Iterator[Float[Tensor, "nodes columns"]]:
    """T_0 X, T_1 X, ... with T_k = 2 L T_(k-1) - T_(k-2), at last L T_(K-2) X; rows are a node's batch and channels."""
    before, now = None, features.flatten(1)
    yield now
    for _ in range(order - 2):
        step = _product(laplacian, now) if before is None else torch.addmm(before, laplacian, now, beta=-1, alpha=2)
        before, now = now, step
        yield now
    if order > 1:
        yield _product(laplacian, now)


def _product(laplacian: Tensor, columns: Float[Tensor, "nodes columns"]) -> Float[Tensor, "nodes columns"]:
    # torch.mm would write zeros twice before it starts; beta=0 reads nothing of what it overwrites
    return torch.empty_like(columns).addmm_(laplacian, columns, beta=0)


class _PolynomialFilter(torch.autograd.Function):
    """``sum_k P_k X phi_k + bias`` with the polynomials P_k of `_terms`, which keeps only its input.

    P_k is symmetric as L is, so both gradients follow from P_k applied to the output's gradient G:
    dX = sum_k (P_k G) phi_k^T  and  dphi_k = X^T (P_k G).
    """

    @staticmethod
    def forward(ctx: Any, features: Tensor, weight: Tensor, bias: Tensor, laplacian: Tensor) -> Tensor:
        ctx.save_for_backward(features, weight, laplacian)
        nodes, batch, inputs = features.shape
        first, *others = (term.view(-1, inputs) for term in _terms(features, laplacian, len(weight)))
        total = torch.addmm(bias, first, weight[0])
        for term, phi in zip(others, weight[1:], strict=True):
            total.addmm_(term, phi)
        return total.view(nodes, batch, -1)

    @staticmethod
    @torch.autograd.function.once_differentiable  # type: ignore[untyped-decorator]
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, Tensor | None, Tensor | None, None]:
        features, weight, laplacian = ctx.saved_tensors
        rows, outputs = features.flatten(0, 1), weight.shape[2]
        terms = [term.view(-1, outputs) for term in _terms(gradient, laplacian, len(weight))]
        to_features: Tensor | None = None
        if ctx.needs_input_grad[0]:
            to_features = terms[0] @ weight[0].T
            for term, phi in zip(terms[1:], weight[1:], strict=True):
                to_features.addmm_(term, phi.T)
            to_features = to_features.view_as(features)
        to_weight = torch.stack([rows.T @ term for term in terms]) if ctx.needs_input_grad[1] else None
        to_bias = gradient.sum((0, 1)) if ctx.needs_input_grad[2] else None
        return to_features, to_weight, to_bias, None


class GraphPyramid(GraphBuffers):
    """A graph at every level of its coarsening: operators for convolutions, pooling between the levels.

    Fake nodes are inert: no edges lead to them and pooling leaves them out, so that whatever stands in them, finite or
    not, changes no real node. Its buffers are the permutation: it is in the checkpoint with the weights that need it.

    Args:
        coarsening: the graph's levels.
    """

    order: Int[Tensor, "nodes"]
    position: Int[Tensor, "v"]

    def __init__(self, coarsening: Coarsening) -> None:
        super().__init__()
        self.levels = coarsening.levels
        self.register_buffer("order", torch.from_numpy(coarsening.order))
        self.register_buffer("position", torch.from_numpy(coarsening.position))
        self.laplacians = nn.ModuleList(ScaledLaplacian(graph) for graph in coarsening.graphs)

    def sizes(self) -> tuple[int, ...]:
        """Nodes at each level, finest first, fake ones included."""
        return tuple(len(self.order) >> level for level in range(self.levels + 1))

    def laplacian(self, level: int) -> ScaledLaplacian:
        """The operator at a level, 0 the finest."""
        return cast(ScaledLaplacian, self.laplacians[level])

    def real(self, level: int) -> Bool[Tensor, "nodes"]:
        """Which nodes of a level stand for vertices."""
        return (self.order >= 0).unflatten(0, (-1, 2**level)).any(1)

    def pad(self, features: Float[Tensor, "batch v channels"]) -> Float[Tensor, "nodes batch channels"]:
        """Bring the vertices' features into the order of the finest level; fake nodes get zeros."""
        if features.shape[1] != len(self.position):
            raise HandposeError(
                "graph features", f"{features.shape[1]} vertices", f"{len(self.position)}, the graph's",
                "Give the features of the mesh that the graph was made of.",
            )  # fmt: skip
        ordered = features.transpose(0, 1)[self.order.clamp_min(0)]
        return ordered.masked_fill((self.order < 0)[:, None, None], 0)

    def unpad(self, features: Float[Tensor, "nodes batch channels"]) -> Float[Tensor, "batch v channels"]:
        """Take the vertices' features out of the finest level."""
        return features[self.position].transpose(0, 1)

    def max_pool(
        self, features: Float[Tensor, "nodes batch channels"], level: int, steps: int = 1
    ) -> Float[Tensor, "pooled batch channels"]:
        """The largest value of each node's real children; zero where there are none.

        Args:
            features: at ``level``.
            level: where they are, 0 the finest.
            steps: levels to go up; each halves the nodes.
        """
        real = self._real_of(features, level, steps)
        pooled = features.masked_fill(~real, -torch.inf).unflatten(0, (-1, 2**steps)).amax(1)
        return pooled.masked_fill(~self.real(level + steps)[:, None, None], 0)

    def mean_pool(
        self, features: Float[Tensor, "nodes batch channels"], level: int, steps: int = 1
    ) -> Float[Tensor, "pooled batch channels"]:
        """The mean of each node's real children, zero where there are none; arguments as for `max_pool`."""
        real = self._real_of(features, level, steps)
        total = features.masked_fill(~real, 0).unflatten(0, (-1, 2**steps)).sum(1)
        return total / real.unflatten(0, (-1, 2**steps)).sum(1).clamp_min(1)

    def unpool(
        self, features: Float[Tensor, "nodes batch channels"], steps: int = 1
    ) -> Float[Tensor, "unpooled batch channels"]:
        """Give every node's features to its children, ``steps`` levels down."""
        return features.repeat_interleave(2**steps, dim=0)

    def _real_of(self, features: Tensor, level: int, steps: int) -> Bool[Tensor, "nodes 1 1"]:
        """Which nodes to pool are real, once it is sure that they are of that level and can be pooled so far."""
        if level < 0 or steps < 0 or level + steps > self.levels:
            raise HandposeError(
                "graph pooling", f"from level {level} by {steps}", f"levels 0 to {self.levels}",
                "Coarsen the graph further, or pool less.",
            )  # fmt: skip
        real = self.real(level)
        if len(features) != len(real):
            raise HandposeError(
                "graph pooling", f"features of {len(features)} nodes", f"{len(real)}, those of level {level}",
                "Name the level that the features are at.",
            )  # fmt: skip
        return real[:, None, None]
