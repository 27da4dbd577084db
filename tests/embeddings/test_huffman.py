import numpy as np
import pytest

from wordlab.embeddings.word2vec.huffman import paths


def lengths(counts):
    return np.diff(paths(np.array(counts, dtype=np.int64)).starts).tolist()


def test_a_tree_by_hand():
    assert lengths([8, 4, 2, 1]) == [1, 2, 3, 3]
    assert lengths([1, 1, 1, 1]) == [2, 2, 2, 2]
    assert lengths([5, 3]) == [1, 1]


@pytest.mark.parametrize("size", [2, 3, 50, 333])
def test_codes_are_complete_distinct_and_optimal(size):
    counts = np.sort(np.random.default_rng(size).zipf(1.3, size).clip(max=10**6))[::-1].copy()
    tree = paths(counts)
    found = np.diff(tree.starts)
    assert (0.5**found).sum() == 1
    assert (tree.nodes[tree.starts[:-1]] == size - 2).all()
    assert set(tree.nodes.tolist()) == set(range(size - 1))
    codes = {
        tuple(zip(tree.nodes[a:b].tolist(), tree.turns[a:b].tolist(), strict=True))
        for a, b in zip(tree.starts[:-1], tree.starts[1:], strict=True)
    }
    assert len(codes) == size
    share = counts / counts.sum()
    entropy = -(share * np.log2(share)).sum()
    assert entropy <= share @ found < entropy + 1
