"""Which combinations are pruned: rungs and brackets computed by hand."""

from wordlab.sweeps.language import search as pruning
from wordlab.sweeps.language.search import Pruner, Search, Searcher

LOSSES = [5, 3, 8, 1, 7, 2, 9, 4, 6]
"""What each size reaches, on any budget."""


def rounds(kind: pruning.Pruning, search: Search, count: int) -> tuple[Pruner, list[dict]]:
    """Return the rounds until the end, each as the sizes by their share of the budget."""
    space = {"size": tuple(range(count))}
    pruner = Pruner(Searcher(space, search, trials=count, seed=1), kind)
    found = []
    while proposed := pruner.propose():
        shares: dict[float, list[int]] = {}
        for settings, share in proposed:
            shares.setdefault(round(share, 4), []).append(settings["size"])
        found.append(shares)
        sizes = [settings for settings, _ in proposed]
        pruner.tell(sizes, [LOSSES[one["size"] % 9] + one["size"] // 9 / 10 for one in sizes])
    return pruner, found


def test_what_does_worse_than_the_median_is_dropped() -> None:
    pruner, found = rounds("median", "grid", 9)
    assert found == [{0.25: list(range(9))}, {0.5: [0, 1, 3, 5, 7]}, {1.0: [1, 3, 5]}]
    assert pruner.count == 9 + 5 + 3
    tied = pruning.Bracket([{"size": 1}, {"size": 2}], (0.5, 1.0), (2, 1))
    tied.tell([2.0, 2.0])
    assert tied.left == [{"size": 1}]


def test_a_third_of_a_grid_goes_on_to_three_times_the_budget() -> None:
    pruner, found = rounds("hyperband", "grid", 9)
    assert found == [{0.1111: list(range(9))}, {0.3333: [1, 3, 5]}, {1.0: [3]}]
    assert pruner.count == 13
    assert rounds("hyperband", "grid", 8)[1] == [{0.3333: list(range(8))}, {1.0: [3, 5]}]
    assert rounds("hyperband", "grid", 2)[1] == [{1.0: [0, 1]}]


def test_drawn_combinations_are_dealt_to_the_brackets_of_hyperband() -> None:
    pruner, (one, two, three) = rounds("hyperband", "random", 17)
    assert [len(one[share]) for share in (0.1111, 0.3333, 1.0)] == [9, 5, 3]
    assert [len(two[share]) for share in (0.3333, 1.0)] == [3, 1]
    assert len(three[1.0]) == 1
    assert set(two[0.3333]) < set(one[0.1111])
    assert set(two[1.0]) < set(one[0.3333])
    assert sorted(size for own in one.values() for size in own) == list(range(17))
    assert pruner.count == 9 + 5 + 3 + 3 + 1 + 1


def test_without_pruning_all_have_the_whole_budget_once() -> None:
    pruner, found = rounds("none", "grid", 9)
    assert found == [{1.0: list(range(9))}]
    assert pruner.count == 9
