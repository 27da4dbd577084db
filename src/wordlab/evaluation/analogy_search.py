"""The search for the word that completes an analogy, by three methods.

With unit vectors, all of them need only the cosines of the words asked about with every word x:

- 3cosadd: cos(x, b) - cos(x, a) + cos(x, c), the offset method of Mikolov et al. 2013
  ("Linguistic regularities in continuous space word representations", eq. 1);
- 3cosmul: s(x, b) s(x, c) / (s(x, a) + epsilon), Levy & Goldberg 2014 ("Linguistic regularities in
  sparse and explicit word representations", eq. 4), s being the cosine, moved to 0..1 as
  (cos + 1) / 2 where it can be negative;
- pair_direction: cos(x - c, b - a) (the same paper, eq. 2).

word2vec's 19,544 questions are about 905 words and 554 pairs (a, b). So the cosines of the 905 and
what the 554 pairs contribute are computed once for a block of words x, and a question adds two rows
of the block (logarithms of similarities, for 3cosmul) and takes the best. That is a twentieth of the
multiplications of one matrix product for all questions.
"""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from wordlab.evaluation.datasets import Lookup
from wordlab.evaluation.spaces import Ids, Space
from wordlab.progress import thread_count

Block = NDArray[np.float32]

WORDS = 4096
QUESTIONS = 32
"""The words and questions of a block: its scores (0.5 MB) stay in the cache of a core."""
EPSILON = 1e-3
"""What 3cosmul adds to its denominator, as in the paper."""
SHORTEST = 1e-3
"""The least length given to x - c, which float32 cannot tell from 0."""


@dataclass(frozen=True)
class _Plan:
    """The questions as places among their distinct words and pairs.

    words: rows (W,); pairs: (P, 2), places of a and b in `words`; pair, c: (n,), places in
    `pairs` and `words`; excluded: (m, 2), questions in rising order and the rows that may not
    answer them.
    """

    words: Ids
    pairs: Ids
    pair: Ids
    c: Ids
    excluded: Ids


def best_rows(space: Space, asked: Ids, lookup: Lookup, method: str) -> list[int | None]:
    """Return for each question the row of `lookup` that scores highest, the lowest of equals.

    asked: int64 (n, 3), the rows of a, b and c, which are no answers, nor are their spellings.
    None where no word has a score above minus infinity. `space` is left as it was.
    """
    plan = _plan(asked, lookup)
    best = np.full(len(asked), -np.inf, dtype=np.float32)
    answers = np.zeros(len(asked), dtype=np.int64)
    starts = range(0, len(asked), QUESTIONS)
    workers = min(thread_count(), max(len(starts), 1))
    shift = _shift(space, plan) if method == "pair_direction" else None
    with ThreadPoolExecutor(workers) as pool:
        for first in range(0, lookup.size, WORDS):
            last = min(first + WORDS, lookup.size)
            cosines = space.against(plan.words, first, last)
            offsets, addends = _terms(cosines, plan, method, non_negative=space.non_negative)
            here = (plan.excluded[:, 1] >= first) & (plan.excluded[:, 1] < last)
            excluded = plan.excluded[here] - (0, first)

            def improve(worker: int) -> None:
                scores, other = np.empty((2, QUESTIONS, offsets.shape[1]), dtype=np.float32)
                for start in starts[worker::workers]:
                    stop = min(start + QUESTIONS, len(asked))
                    rows, part = scores[: stop - start], other[: stop - start]
                    np.take(offsets, plan.pair[start:stop], axis=0, out=rows, mode="clip")
                    np.take(addends, plan.c[start:stop], axis=0, out=part, mode="clip")
                    if shift is None:
                        rows += part
                    else:
                        rows -= shift[start:stop, None]
                        rows *= part
                    low, high = np.searchsorted(excluded[:, 0], (start, stop))
                    question, row = excluded[low:high].T
                    rows[question - start, row] = -np.inf
                    winners = rows.argmax(axis=1)
                    values = rows[np.arange(stop - start), winners]
                    better = np.flatnonzero(values > best[start:stop])
                    best[start + better] = values[better]
                    answers[start + better] = first + winners[better]

            list(pool.map(improve, range(workers)))
    return [
        answer if found else None
        for answer, found in zip(answers.tolist(), np.isfinite(best), strict=True)
    ]


def _plan(asked: Ids, lookup: Lookup) -> _Plan:
    words, places = np.unique(asked, return_inverse=True)
    places = places.reshape(asked.shape)
    pairs, pair = np.unique(places[:, :2], axis=0, return_inverse=True)
    spellings = {word: lookup.spellings(word) for word in words.tolist()}
    excluded = [
        (question, row)
        for question, abc in enumerate(asked.tolist())
        for word in abc
        for row in spellings[word]
    ]
    return _Plan(
        words=words,
        pairs=pairs,
        pair=pair.reshape(-1),
        c=places[:, 2],
        excluded=np.array(excluded, dtype=np.int64).reshape(-1, 2),
    )


def _terms(cosines: Block, plan: _Plan, method: str, *, non_negative: bool) -> tuple[Block, Block]:
    """Return what each pair and each word c contribute to the scores of a block of words.

    cosines: (W, B); the results: (P, B) and (W, B).
    """
    a, b = plan.pairs.T
    if method == "3cosadd":
        return cosines[b] - cosines[a], cosines
    if method == "pair_direction":
        return cosines[b] - cosines[a], 1 / np.maximum(
            np.sqrt(np.maximum(2 - 2 * cosines, 0)), SHORTEST
        )
    if method == "3cosmul":
        similarity = np.maximum(cosines if non_negative else (cosines + 1) / 2, 0)
        with np.errstate(divide="ignore"):
            logarithms = np.log(similarity)
        return logarithms[b] - np.log(similarity + np.float32(EPSILON))[a], logarithms
    raise ValueError(f"{method}: expected 3cosadd, 3cosmul or pair_direction")


def _shift(space: Space, plan: _Plan) -> NDArray[np.float32]:
    """Return c . (b - a) for each question, float32 (n,)."""
    a, b = (plan.words[side] for side in plan.pairs[plan.pair].T)
    c = plan.words[plan.c]
    return (space.between(c, b) - space.between(c, a)).astype(np.float32)
