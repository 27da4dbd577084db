"""The neural cache, by hand, symbol by symbol and in blocks."""

import math

import numpy as np
import pytest
import torch

from wordlab.evaluation.language import cache
from wordlab.evaluation.language.cache import NeuralCache, cache_probabilities

CLASSES = 5


def states(length: int) -> tuple[torch.Tensor, np.ndarray]:
    random = np.random.default_rng(2)
    hidden = torch.from_numpy(random.normal(size=(length, 3)).astype(np.float32))
    return hidden, random.integers(0, CLASSES, size=length)


def test_a_cache_by_hand():
    """Of three kept states two came before symbol 1; the first of them is orthogonal to h."""
    kept = NeuralCache(size=3, flatness=0.5, weight=0.2)
    for state, symbol in (([9.0, 9.0], 4), ([0.0, 1.0], 1), ([2.0, 0.0], 1), ([4.0, 3.0], 3)):
        kept.remember(torch.tensor(state), symbol)  # the first one leaves the cache again
    mixed = kept.probabilities(torch.full((CLASSES,), 0.2), torch.tensor([1.0, 0.0]))
    exps = [math.exp(0.5 * dot) for dot in (0, 2, 4)]
    cached = {1: (exps[0] + exps[1]) / sum(exps), 3: exps[2] / sum(exps)}
    expected = [0.8 * 0.2 + 0.2 * cached.get(symbol, 0) for symbol in range(CLASSES)]
    assert mixed.tolist() == pytest.approx(expected)
    assert float(mixed.sum()) == pytest.approx(1)


def test_an_empty_cache_leaves_the_model_as_it_is():
    own = torch.softmax(torch.arange(5.0), dim=0)
    kept = NeuralCache(size=3, flatness=1, weight=0.9)
    assert torch.equal(kept.probabilities(own, torch.ones(3)), own)


@pytest.mark.parametrize("flatness", [0, 0.7])
@pytest.mark.parametrize("starts", [None, [0, 11, 25]])
def test_blocks_give_what_the_cache_gives_symbol_by_symbol(monkeypatch, flatness, starts):
    monkeypatch.setattr(cache, "BLOCK", 8)
    hidden, ids = states(40)
    given = None if starts is None else np.array(starts)
    [found] = cache_probabilities(hidden, ids, size=6, flatness=[flatness], document_starts=given)
    for place, symbol in enumerate(ids.tolist()):
        if place in (starts or [0]):
            kept = NeuralCache(size=6, flatness=flatness, weight=1)
            assert math.isnan(found[place])
        else:
            p = kept.probabilities(torch.zeros(CLASSES), hidden[place])
            assert found[place] == pytest.approx(float(p[symbol]), abs=1e-6)
            assert float(p.sum()) == pytest.approx(1)
        kept.remember(hidden[place], symbol)


def test_what_comes_later_changes_nothing():
    hidden, ids = states(600)
    before = cache_probabilities(hidden, ids, size=500, flatness=[0, 1])
    hidden[301:], ids[301:] = 0, 0
    after = cache_probabilities(hidden, ids, size=500, flatness=[0, 1])
    np.testing.assert_array_equal(after[:, :301], before[:, :301])
    assert (after[:, 301:] != before[:, 301:]).any()
