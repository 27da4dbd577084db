"""The Huffman tree over the words, whose inner nodes hierarchical softmax decides at."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray


class Paths(NamedTuple):
    """The path from the root to each word.

    starts: int64 (V+1,); word w passes the inner nodes nodes[starts[w]:starts[w+1]], int32, each
    in 0..V-2, the root V-2 first; turns, float32: 1 where it takes the branch of code 0, else 0.
    """

    starts: NDArray[np.int64]
    nodes: NDArray[np.int32]
    turns: NDArray[np.float32]


def paths(counts: NDArray[np.int64]) -> Paths:
    """Return the paths of the Huffman tree over `counts` (V,), V >= 2.

    Two queues (van Leeuwen 1976) build it from the rarest up; of equal counts, words come before
    inner nodes, and words in the vocabulary's order.
    """
    size = len(counts)
    order = np.argsort(counts, kind="stable").tolist()
    weight = counts.tolist() + [0] * (size - 1)
    parent = [0] * (2 * size - 1)
    second = [False] * (2 * size - 1)
    leaf, inner = 0, size
    for new in range(size, 2 * size - 1):
        for is_second in (False, True):
            if leaf < size and (inner == new or weight[order[leaf]] <= weight[inner]):
                child, leaf = order[leaf], leaf + 1
            else:
                child, inner = inner, inner + 1
            parent[child], second[child] = new, is_second
            weight[new] += weight[child]
    root = 2 * size - 2
    starts: list[int] = [0]
    nodes: list[int] = []
    turns: list[float] = []
    for word in range(size):
        path, node = [], word
        while node != root:
            path.append((parent[node] - size, 0.0 if second[node] else 1.0))
            node = parent[node]
        nodes.extend(step[0] for step in reversed(path))
        turns.extend(step[1] for step in reversed(path))
        starts.append(len(nodes))
    return Paths(
        np.array(starts, dtype=np.int64),
        np.array(nodes, dtype=np.int32),
        np.array(turns, dtype=np.float32),
    )
