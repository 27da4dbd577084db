"""Which combinations are tried: the same for the same seed, each once, within the bounds."""

import math

import numpy as np
import pytest

from wordlab.params.sweeps import Range, Tried
from wordlab.sweeps.language.search import BATCH, Search, Searcher, Settings

SPACE: dict[str, Tried] = {
    "rate": Range(low=0.001, high=0.1, log=True),
    "size": Range(low=4, high=64, log=False),
    "tied": (True, False),
}


def tried(search: Search, space: dict[str, Tried], trials: int, seed: int = 1) -> list[Settings]:
    searcher = Searcher(space, search, trials=trials, seed=seed)
    found: list[Settings] = []
    while proposed := searcher.propose():
        searcher.tell(proposed, [abs(math.log(one.get("rate", 1) / 0.01)) for one in proposed])
        found += proposed
    return found


@pytest.mark.parametrize("search", ["random", "quasi_random", "tpe"])
def test_a_search_is_that_of_its_seed_and_repeats_no_combination(search: Search) -> None:
    found = tried(search, SPACE, 20)
    assert found == tried(search, SPACE, 20) != tried(search, SPACE, 20, seed=2)
    assert len({tuple(one.values()) for one in found}) == 20
    for one in found:
        assert 0.001 <= one["rate"] <= 0.1
        assert isinstance(one["size"], int)
        assert 4 <= one["size"] <= 64
    assert {one["tied"] for one in found} == {True, False}
    few: dict[str, Tried] = {"tied": (True, False), "layers": (1, 2)}
    assert len(tried(search, few, 20)) == 4


def test_a_grid_is_all_there_is() -> None:
    found = tried("grid", {"layers": (1, 2), "tied": (True, False)}, 1)
    assert [tuple(one.values()) for one in found] == [
        (1, True),
        (1, False),
        (2, True),
        (2, False),
    ]


def test_quasi_random_points_leave_no_part_empty() -> None:
    rates = [math.log10(one["rate"]) for one in tried("quasi_random", SPACE, 16)]
    counts, _ = np.histogram(rates, bins=4, range=(-3, -1))
    assert counts.tolist() == [4, 4, 4, 4]


def test_tpe_draws_where_it_went_well() -> None:
    found = tried("tpe", {"rate": SPACE["rate"]}, 40)
    distances = [abs(math.log(one["rate"] / 0.01)) for one in found]
    assert np.mean(distances[-3 * BATCH :]) < 0.7 * np.mean(distances[: 2 * BATCH])
