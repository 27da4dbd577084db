"""Interpolated modified Kneser-Ney n-gram models of symbol ids, counted exactly with NumPy."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, eq=False)
class _Order:
    """The n-grams of one length k that were seen, and their probabilities' parts.

    keys: int64 (G,), rising; an n-gram's key is the number of its first k - 1 symbols among the
    n-grams of length k - 1, times the number of classes, plus its last symbol; its own number is
    the key's place. discounted: (G,) the first term of equation 20 of Chen & Goodman 1999;
    backoff: by number of the first k - 1 symbols, the weight of the lower order, 1 where nothing
    was seen to follow.
    """

    keys: NDArray[np.int64] = field(repr=False)
    discounted: NDArray[np.float64] = field(repr=False)
    backoff: NDArray[np.float64] = field(repr=False)

    def numbers(self, keys: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the number of each of `keys`, -1 for n-grams that were not seen."""
        places = np.minimum(np.searchsorted(self.keys, keys), len(self.keys) - 1)
        return np.where(self.keys[places] == keys, places, -1)


@dataclass(frozen=True, eq=False)
class KneserNey:
    """p(w | the n - 1 symbols before), interpolated modified Kneser-Ney (Chen & Goodman 1999).

    classes: C, all symbols that may come; the order below the unigram is uniform over them. end:
    the symbol assumed before the text.
    """

    orders: tuple[_Order, ...] = field(repr=False)
    classes: int
    end: int

    @classmethod
    def fit(cls, ids: NDArray[np.int64], *, order: int, classes: int, end: int) -> "KneserNey":
        """Count the n-grams of up to `order` symbols of `ids` (N,), N at least 1.

        Order 1 is the unigram model, its seen frequencies discounted in favour of the unseen.
        """
        return cls._of(_count(ids, order, classes, end), order, classes, end)

    @classmethod
    def chosen(
        cls,
        train_ids: NDArray[np.int64],
        valid_ids: NDArray[np.int64],
        *,
        orders: Sequence[int],
        classes: int,
        end: int,
    ) -> "KneserNey":
        """Return the model of `train_ids` (N,) whose order predicts `valid_ids` best.

        It is one of `orders`, of equally good ones the first, and the model that `fit` gives.
        """
        levels = _count(train_ids, max(orders), classes, end)
        models = (cls._of(levels, order, classes, end) for order in orders)
        return min(models, key=lambda model: float(model.losses(valid_ids).mean()))

    @classmethod
    def _of(cls, levels: Sequence["_Level"], order: int, classes: int, end: int) -> "KneserNey":
        """Return the model of the first `order` of `levels`."""
        highest = levels[order - 1]
        # as many ends of sentence are before the text as the longest of `levels` needs
        counts = np.bincount(highest.numbers[len(levels) - order :], minlength=len(highest.keys))
        orders = [_discount(highest.keys, counts, _contexts(levels, order - 1), classes)]
        firsts = highest.firsts[counts > 0]
        for k in reversed(range(order - 1)):  # after how many different symbols
            own = levels[k]
            counts = np.bincount(own.numbers[firsts + 1], minlength=len(own.keys))
            orders.insert(0, _discount(own.keys, counts, _contexts(levels, k), classes))
            firsts = own.firsts[counts > 0]
        return cls(tuple(orders), classes, end)

    @property
    def order(self) -> int:
        """The length of the longest n-grams."""
        return len(self.orders)

    def losses(self, ids: NDArray[np.int64]) -> NDArray[np.float64]:
        """Return -log p in nats of every symbol of `ids` (N,), given those before: (N,).

        They follow one end of sentence, not the beginning of the text that was counted.
        """
        padded = self._padded(ids)
        p = np.full(len(ids), 1 / self.classes)
        for k, table in enumerate(self.orders):
            contexts = self._numbers(padded, k, len(ids))  # of the k symbols before each
            seen = contexts >= 0
            numbers = np.where(seen, table.numbers(contexts * self.classes + ids), -1)
            backoff = np.where(seen, table.backoff[contexts], 1.0)
            p = np.where(numbers >= 0, table.discounted[numbers], 0.0) + backoff * p
        return -np.log(p)

    def probabilities(self, ids: NDArray[np.int64], step: int) -> Iterator[NDArray[np.float64]]:
        """Yield p of all symbols at `step` places of `ids` (N,) at a time, (n, C) each."""
        padded = self._padded(ids)
        contexts = [self._numbers(padded, k, len(ids)) for k in range(self.order)]
        first = np.full((1, self.classes), 1 / self.classes) * self.orders[0].backoff[0]
        first[0, self.orders[0].keys] += self.orders[0].discounted
        for start in range(0, len(ids), step):
            places = slice(start, start + step)
            p = np.repeat(first, len(ids[places]), axis=0)
            for table, before in zip(self.orders[1:], contexts[1:], strict=True):
                rows = np.flatnonzero(before[places] >= 0)
                prefixes = before[places][rows]
                p[rows] *= table.backoff[prefixes, None]
                begin = np.searchsorted(table.keys, prefixes * self.classes)
                sizes = np.searchsorted(table.keys, (prefixes + 1) * self.classes) - begin
                ahead = np.cumsum(sizes) - sizes  # n-grams of the rows before
                numbers = np.arange(sizes.sum()) + np.repeat(begin - ahead, sizes)
                symbols = table.keys[numbers] % self.classes
                p[np.repeat(rows, sizes), symbols] += table.discounted[numbers]
            yield p

    def _padded(self, ids: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return `ids` with an end of sentence before them, and before that what is never seen."""
        before = np.full(self.order - 1, -1)
        before[-1:] = self.end
        return np.concatenate([before, ids])

    def _numbers(self, padded: NDArray[np.int64], k: int, count: int) -> NDArray[np.int64]:
        """Return the numbers of the k symbols before each of the last `count`; -1 if unseen."""
        numbers = np.zeros(count, dtype=np.int64)
        for level in range(k):
            back = len(padded) - count - k + level
            symbols = padded[back : back + count]
            found = self.orders[level].numbers(numbers * self.classes + symbols)
            numbers = np.where(numbers < 0, -1, found)
        return numbers


@dataclass(frozen=True, eq=False)
class _Level:
    """All n-grams of one length of a text.

    keys: int64 (G,), as in `_Order`; firsts: int64 (G,), where each is first; numbers: int64, the
    number of the n-gram at each place.
    """

    keys: NDArray[np.int64]
    firsts: NDArray[np.int64]
    numbers: NDArray[np.int64]


def _count(ids: NDArray[np.int64], longest: int, classes: int, end: int) -> list[_Level]:
    """Return the n-grams of `ids` (N,) of each length up to `longest`, `end` before the text."""
    padded = np.concatenate([np.full(longest - 1, end), ids])
    levels: list[_Level] = []
    prefixes = np.zeros(len(padded), dtype=np.int64)
    for k in range(longest):
        keys = prefixes * classes + padded[k:]
        levels.append(_Level(*np.unique(keys, return_index=True, return_inverse=True)))
        prefixes = levels[-1].numbers[:-1]
    return levels


def _contexts(levels: Sequence[_Level], k: int) -> int:
    """Return how many different contexts the n-grams of level `k` have."""
    return len(levels[k - 1].keys) if k else 1


def _discount(
    keys: NDArray[np.int64], counts: NDArray[np.int64], contexts: int, classes: int
) -> _Order:
    """Take the discounts of equation 26 of Chen & Goodman 1999 off `counts`."""
    discounts = _discounts(counts)[np.minimum(counts, 3)]
    prefixes = keys // classes
    totals = np.bincount(prefixes, weights=counts, minlength=contexts)
    freed = np.bincount(prefixes, weights=discounts, minlength=contexts)
    followed = totals > 0
    divisor = np.where(followed, totals, 1.0)
    return _Order(
        keys=keys,
        discounted=(counts - discounts) / divisor[prefixes],
        backoff=np.where(followed, freed / divisor, 1.0),
    )


def _discounts(counts: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return what is taken off a count of 0, 1, 2, and 3 or more.

    Each lies above 0 and below its count: else unseen symbols, or seen ones, would have no
    probability. Where the three of equation 26 do not, or too few different counts occur to
    estimate them, the one discount of Ney, Essen & Kneser 1994 is taken off all, and a half where
    that too is unknown.
    """
    n1, n2, n3, n4 = (int((counts == k).sum()) for k in range(1, 5))
    if n1 == 0 or n2 == 0:
        return np.array([0.0, 0.5, 0.5, 0.5])
    y = n1 / (n1 + 2 * n2)
    if n3 > 0:
        three = [1 - 2 * y * n2 / n1, 2 - 3 * y * n3 / n2, 3 - 4 * y * n4 / n3]
        if n4 > 0 and all(0 < taken < count for count, taken in enumerate(three, start=1)):
            return np.array([0.0, *three])
    return np.array([0.0, y, y, y])
