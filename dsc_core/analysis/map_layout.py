"""UMAP's layout of a neighbour graph in the plane, in NumPy and SciPy alone: nothing is compiled, one thread, seeded.

The objective is that of UMAP (L. McInnes, J. Healy, J. Melville, arXiv 1802.03426) with its default settings: the
points of an edge attract each other, as strongly as the edge is heavy, and every point is repelled by random others.
What differs from the package `umap-learn` is the way there. It moves two points at a time, edge by edge. Here all
points move at once, by the expected force of all their edges, and a point's step is shortened where its edges pull
hard, as an implicit step would be, so that it cannot jump over its neighbours. It starts from principal components that
were diffused over the graph, in place of eigenvectors of the graph.
"""

from __future__ import annotations

import numpy as np
import scipy.sparse as sparse
from numpy.lib.stride_tricks import sliding_window_view

from dsc_core.method.fuzzy import fuzzy_union, fuzzy_weights

# Attraction 1 / (1 + a·d^2b), fitted as UMAP does for its defaults, min_dist 0.1 and spread 1.
A, B = np.float32(1.5769434), np.float32(0.8950608)
EPOCHS = 400  # each at a fraction of the price of one of UMAP's; with 200 fewer neighbours are kept
REPULSIONS = 5  # of a point per attraction, UMAP's default
SHIFTS = 16  # each gives two random others to every point in an epoch
# Share of the pull of a point's edges that shortens its step; 1 would be a fully implicit one.
DAMPING = np.float32(0.5)
STRONGEST = np.float32(4.0)  # limit of one repulsion along each axis, UMAP's
NEAREST = np.float32(0.001)  # added to d² in repulsion, UMAP's
NOT_ZERO = np.float32(1e-8)  # added to d², whose logarithm is taken
WIDTH_STEPS = 24  # bisections of a point's reach: to 1e-7 of it
COMPONENTS, DIFFUSIONS = 16, 50  # of the start
# Of the start: farthest coordinate, and noise that parts equal points; both UMAP's.
EXTENT, JITTER = 10.0, 1e-4
AT_ONCE = 2**14  # repulsions computed at once: they fit into the processor's cache


def lay_out(points: np.ndarray, indices: np.ndarray, distances: np.ndarray, seed: int) -> np.ndarray:
    """The layout of `points` (n, d) from the k nearest others of each, indices and distances (n, k): (n, 2) float32.

    Not finite where the coordinates are too large for their squares.
    """
    random = np.random.default_rng(seed)
    with np.errstate(over="ignore", invalid="ignore"):
        graph = neighbour_graph(indices, distances)
        return move(diffused_start(points, graph, random), graph, random, EPOCHS, 1.0)


def continue_layout(
    indices: np.ndarray, distances: np.ndarray, start: np.ndarray, seed: int, epochs: int, rate: float
) -> np.ndarray:
    """The layout continued from the positions `start` (n, 2): (n, 2) float32.

    indices, distances: of the k nearest others, (n, k). rate: the initial learning rate; that of a new layout is 1.
    """
    random = np.random.default_rng(seed)
    with np.errstate(over="ignore", invalid="ignore"):
        graph = neighbour_graph(indices, distances)
        return move(np.asarray(start, np.float32), graph, random, epochs, rate)


def neighbour_graph(indices: np.ndarray, distances: np.ndarray) -> sparse.csr_matrix:
    """UMAP's graph of the k nearest others, (n, k), its heaviest edge 1: (n, n), symmetric, float32."""
    graph = fuzzy_union(indices, fuzzy_weights(distances, WIDTH_STEPS)).astype(np.float32)
    graph.data /= graph.data.max()
    return graph


def diffused_start(points: np.ndarray, graph: sparse.csr_matrix, random: np.random.Generator) -> np.ndarray:
    """Principal components of `points` (n, d), averaged over neighbours again and again: (n, 2) float32.

    What is connected starts together, and what is not starts where it lies in the space.
    """
    degrees = np.asarray(graph.sum(1)).ravel()
    steps = (sparse.diags_array(1 / degrees) @ graph).tocsr()
    values = _components(points, COMPONENTS)
    for _ in range(DIFFUSIONS):
        values = steps @ values
    start = _components(values, 2)
    start *= EXTENT / max(float(np.abs(start).max()), 1e-12)
    return start + random.normal(scale=JITTER, size=start.shape).astype(np.float32)


def _components(points: np.ndarray, count: int) -> np.ndarray:
    """The first `count` principal components of `points` (n, d), (n, count) float32, zeros beyond d."""
    centred = points - points.mean(0, dtype=np.float64).astype(np.float32)
    scale = max(float(np.abs(centred).max()), 1e-30)
    _, axes = np.linalg.eigh((centred.T @ centred).astype(np.float64) / scale)
    axes = axes[:, ::-1][:, :count]
    axes *= np.where(axes[np.abs(axes).argmax(0), np.arange(axes.shape[1])] < 0, -1, 1)
    components = np.zeros((len(points), count), np.float32)
    components[:, : axes.shape[1]] = centred @ axes.astype(np.float32)
    return components


def move(
    start: np.ndarray, graph: sparse.csr_matrix, random: np.random.Generator, epochs: int, rate: float
) -> np.ndarray:
    """The positions `start` (n, 2) after so many epochs at a rate that falls from `rate` to 0: (n, 2) float32.

    graph: symmetric, its heaviest edge 1. Edges of less than 1/epochs are left out, as UMAP does.
    """
    order = random.permutation(len(start))  # after which the point some places further on is a random one
    graph = graph[order][:, order]
    repulsion = np.asarray(graph.sum(1), np.float32).ravel() * np.float32(REPULSIONS / (2 * SHIFTS))
    edges = Edges(graph, np.float32(1 / epochs))
    place = np.ascontiguousarray(start[order].T, np.float32)
    for epoch in range(epochs):
        speed = np.float32(rate * (1 - epoch / epochs))
        force, pull = edges.attraction(place)
        force += repulsion * _repulsion(place, random.integers(1, len(start), SHIFTS))
        place += force * (speed / (1 + DAMPING * speed * pull))
    positions = np.empty_like(start, dtype=np.float32)
    positions[order] = place.T
    return positions


class Edges:
    """The edges of a symmetric graph (n, n), each once, that weigh at least `lightest`."""

    def __init__(self, graph: sparse.csr_matrix, lightest: np.float32) -> None:
        upper = sparse.triu(graph, 1).tocsr()
        upper.data[upper.data < lightest] = 0
        upper.eliminate_zeros()
        self.rows = np.repeat(np.arange(graph.shape[0], dtype=np.int32), np.diff(upper.indptr))
        self.columns = upper.indices
        # Each of the two points draws the edge, and each time both are moved; 2ab is of the derivative.
        self.weights = 2 * upper.data * (2 * A * B)
        self.strengths = upper
        self.reversed = upper.T  # shares its numbers with `strengths`

    def attraction(self, place: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Forces (2, n) on the points at `place` (2, n), and the summed strengths of each point's edges, (n,)."""
        square = np.full(len(self.rows), NOT_ZERO)
        for axis in place:  # `take` of one axis is several times faster than indexing both
            gap = axis.take(self.columns)
            gap -= axis.take(self.rows)
            gap *= gap
            square += gap
        power = np.log(square)
        power *= B - 1
        np.exp(power, out=power)  # d^(2b − 2)
        square *= power
        square *= A
        square += 1
        power /= square
        np.multiply(power, self.weights, out=self.strengths.data)
        table = np.vstack([place, np.ones((1, place.shape[1]), np.float32)]).T.copy()
        sums = (self.strengths @ table + self.reversed @ table).T
        return sums[:2] - sums[2] * place, sums[2]


def _repulsion(place: np.ndarray, shifts: np.ndarray) -> np.ndarray:
    """The sum of the repulsions (2, n) between each point and those so many places before and after it, (2, n)."""
    count = place.shape[1]
    around = np.concatenate([place, place], axis=1)
    behind = np.zeros_like(around)  # of the second point of each pair, which may lie beyond the end
    total = np.zeros_like(place)
    for some in np.array_split(shifts, max(1, min(len(shifts), len(shifts) * count // AT_ONCE))):
        gap = place[:, None] - sliding_window_view(around, count, axis=1)[:, some]
        square = gap[0] * gap[0]
        square += gap[1] * gap[1]
        square += NOT_ZERO
        power = np.log(square)
        power *= B
        np.exp(power, out=power)  # d^2b
        power *= A
        power += 1
        square += NEAREST
        power *= square
        np.divide(2 * B, power, out=power)
        gap *= power
        np.clip(gap, -STRONGEST, STRONGEST, out=gap)
        total += gap.sum(1)
        for number, shift in enumerate(some):
            behind[:, shift : shift + count] -= gap[:, number]
    return total + behind[:, :count] + behind[:, count:]
