"""Minimal pairs: does a language model find a right sentence likelier than a wrong one?

A pair is two sentences that differ in what makes one of them wrong. The one with the higher
probability, the product over all its symbols and its end, is the model's choice (Linzen, Dupoux &
Goldberg 2016; Warstadt et al. 2020).
"""

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from difflib import SequenceMatcher
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import special

from wordlab import rng
from wordlab.asking.text import check, named, one_sentence
from wordlab.errors import UserError
from wordlab.evaluation.language.accuracy import sentence_losses
from wordlab.evaluation.language.generation import symbols_of
from wordlab.evaluation.language.held_out import symbol_ids
from wordlab.evaluation.statistics import FEWEST, margins_together, resample, resampled_mean
from wordlab.params.text import PreprocessParams
from wordlab.recurrent.language_model import LanguageModel
from wordlab.text.lines import decoded, whole

BUILT_IN = Path(__file__).parent / "pairs.tsv"
"""Pairs of English whose words the built-in text has."""
CHANCE = 0.5
WHAT = (
    "expected a right and a wrong sentence per line, and what they test if that has a name, tabs "
    "between; or BLiMP's JSON lines"
)
GOOD = ("good", "sentence_good", "right", "sentence good")
BAD = ("bad", "sentence_bad", "wrong", "sentence bad")
NAME = ("uid", "phenomenon", "name", "test")
"""What a header calls the columns, in any order: right, wrong, and what they test."""


@dataclass(frozen=True)
class Pair:
    """A right and a wrong sentence, what they test, "" if it has no name, and where they are."""

    good: str
    bad: str
    phenomenon: str
    place: str


def read(path: Path) -> list[Pair]:
    """Return the pairs of a table with tabs between, or of JSON lines as BLiMP has them.

    Lines that are empty or begin with # are passed over; a header says which column is which.
    Raises UserError with the file and the line if one is no pair, or if there is none.
    """
    check(path, WHAT)
    found: list[Pair] = []
    header: list[int] | None = None
    with path.open("rb") as file:
        for number, line in enumerate(whole(decoded(file, named(path))), start=1):
            place, text = f"{named(path)}, line {number}", line.strip("\r\n")
            if not text.strip() or text.startswith("#"):
                continue
            if text.lstrip().startswith("{"):
                found.append(_of_json(text, place))
                continue
            cells = [" ".join(cell.split()) for cell in text.split("\t")]
            if not found and header is None and (header := _columns(cells, place)):
                continue
            if header is not None:
                cells = _ordered(cells, header, place)
            found.append(_of_cells(cells, place))
    if not found:
        raise UserError(f"{named(path)}: no pair in it; {WHAT}")
    return found


def _columns(cells: list[str], place: str) -> list[int] | None:
    """Return the columns of the right and the wrong sentence, and of what they test if there is
    one; None if the cells are no header. Raises UserError if it names one sentence alone."""
    called = [cell.lower() for cell in cells]
    found = [
        next((column for column, cell in enumerate(called) if cell in known), None)
        for known in (GOOD, BAD, NAME)
    ]
    good, bad, name = found
    if good is None and bad is None:
        return None
    others = {*range(len(cells))} - {good, bad}
    if name is None and len(others) == 1:
        (name,) = others
    if good is None or bad is None:
        missing = "wrong" if bad is None else "right"
        raise UserError(f"{place}: a header without a column of {missing} sentences; {WHAT}")
    return [good, bad, *([] if name is None else [name])]


def _ordered(cells: list[str], columns: list[int], place: str) -> list[str]:
    """Return the right and the wrong sentence, and the name if there is one, of a line under a
    header. Raises UserError if the line lacks a sentence."""
    if len(cells) <= max(columns[:2]):
        raise UserError(f"{place}: fewer columns than the header; {WHAT}")
    return [cells[column] for column in columns if column < len(cells)]


def _of_cells(cells: list[str], place: str) -> Pair:
    if not 2 <= len(cells) <= 3 or not all(cells[:2]):
        columns = "1 column" if len(cells) == 1 else f"{len(cells)} columns"
        problem = columns if all(cells[:2]) else "a sentence is empty"
        raise UserError(f"{place}: {problem}; {WHAT}")
    good, bad, *rest = cells
    return Pair(good, bad, "".join(rest), place)


def _of_json(text: str, place: str) -> Pair:
    try:
        row = json.loads(text)
    except (ValueError, RecursionError) as error:  # numbers too long, brackets too deep
        raise UserError(f"{place}: not JSON ({error}); {WHAT}") from None
    good, bad, name = (row.get(key) or "" for key in ("sentence_good", "sentence_bad", "UID"))
    for key, sentence in (("sentence_good", good), ("sentence_bad", bad)):
        if not isinstance(sentence, str) or not sentence.strip():
            raise UserError(f"{place}: no {key}; {WHAT}")
    return Pair(good, bad, str(name).replace("_", " "), place)


@dataclass(frozen=True, eq=False)
class Judged:
    """What a model makes of P pairs.

    right: float64 (P,), 1 for the right sentence, 0 for the wrong one, .5 for a tie; known, all
    words: bool (P,), whether the model knows the words that a pair differs in, and all its words.
    """

    right: NDArray[np.float64] = field(repr=False)
    known: NDArray[np.bool_] = field(repr=False)
    known_whole: NDArray[np.bool_] = field(repr=False)


def judge(model: LanguageModel, pairs: Sequence[Pair], preprocess: PreprocessParams) -> Judged:
    """Return what `model` makes of `pairs`, each sentence read by itself from a state of zeros.

    Raises UserError with the place of a pair where a sentence has no token.
    """
    cut = [_cut(model, pair, preprocess) for pair in pairs]
    ids = [symbol_ids(model, [line]) for lines in cut for line in lines]
    good, bad = sentence_losses(model, ids).reshape(-1, 2).T
    # the same classes, read in another batch, may differ in the last digit
    tied = np.array([np.array_equal(*both) for both in zip(ids[::2], ids[1::2], strict=True)])
    right = np.where(tied, 0.5, np.where(good == bad, 0.5, good < bad))
    words = [[symbols_of(model, line) for line in lines] for lines in cut]
    known = [all(word in model.vocabulary for word in _differing(*both)) for both in words]
    every = [all(word in model.vocabulary for one in both for word in one) for both in words]
    return Judged(right, np.array(known), np.array(every))


def _cut(model: LanguageModel, pair: Pair, preprocess: PreprocessParams) -> list[str]:
    found = [one_sentence(text, preprocess, model) for text in (pair.good, pair.bad)]
    if not all(found):
        kind = repr(preprocess.tokens)
        raise UserError(f"{pair.place}: a sentence has no token of the kind {kind}; {WHAT}")
    return found


def _differing(good: Sequence[str], bad: Sequence[str]) -> Iterator[str]:
    """Yield the words of either sentence that the other does not have in the same place."""
    matcher = SequenceMatcher(None, good, bad, autojunk=False)
    for kind, a, b, c, d in matcher.get_opcodes():
        if kind != "equal":
            yield from (*good[a:b], *bad[c:d])


def scores(judged: Judged, pairs: Sequence[Pair], confidence: float) -> dict[str, Any]:
    """Return the share of pairs judged right, by phenomenon, where they have names, and of all.

    Each has the number of `pairs`, how many are `ties`, which count half, and how many have
    an `unknown` word, the share `right` with the ends `low` and `high` of its interval; and `known`
    the same of the pairs whose differing words are known.
    """
    names = [pair.phenomenon for pair in pairs]

    def row(own: NDArray[np.bool_]) -> dict[str, Any]:
        return {
            **_share(judged.right[own], confidence),
            "unknown": int((own & ~judged.known_whole).sum()),
            "known": _share(judged.right[own & judged.known], confidence),
        }

    phenomena = {
        name: row(np.array([name == other for other in names]))
        for name in dict.fromkeys(names)
        if name
    }
    return {"all": row(np.ones(len(pairs), np.bool_)), "phenomena": phenomena}


def _share(right: NDArray[np.float64], confidence: float) -> dict[str, Any]:
    low, high = wilson(float(right.sum()), len(right), confidence)
    return {
        "pairs": len(right),
        "right": float(right.mean()) if len(right) else math.nan,
        "low": low,
        "high": high,
        "ties": int((right == 0.5).sum()),
    }


def wilson(right: float, n: int, confidence: float) -> tuple[float, float]:
    """Return the interval of a share, `right` of `n` (Wilson 1927); NaN if n is 0."""
    if not n:
        return math.nan, math.nan
    z = float(special.ndtri((1 + confidence) / 2))
    share = right / n
    middle = (share + z**2 / (2 * n)) / (1 + z**2 / n)
    half = z / (1 + z**2 / n) * math.sqrt(share * (1 - share) / n + (z / (2 * n)) ** 2)
    return max(0.0, middle - half), min(1.0, middle + half)


def compare(
    judged: Mapping[str, Judged], *, seed: int, resamples: int, confidence: float
) -> list[dict[str, Any]]:
    """Return by how much the share right of each model exceeds that of each after it.

    Pairs are drawn anew, the same for all models; the intervals hold together and p-values are
    corrected for all comparisons (max-t). Both are NaN for fewer than FEWEST pairs. `only_first`,
    `only_second`: pairs that one model alone has right.
    """
    names = list(combinations(judged, 2))
    if not names:
        return []
    gains = np.array([judged[a].right - judged[b].right for a, b in names])  # (C, P)
    counts = resample(gains.shape[1], resamples, rng.stream(seed, "minimal pairs"))
    draws = np.array([resampled_mean(gain, counts) for gain in gains])
    values = gains.mean(axis=1)
    margins, p = margins_together(values, draws, confidence)
    if gains.shape[1] < FEWEST:
        margins, p = np.full((2, len(values)), np.nan)
    return [
        {
            "first": a,
            "second": b,
            "difference": float(value),
            "low": float(value - margin),
            "high": float(value + margin),
            "p": float(chance),
            "only_first": int((gain > 0).sum()),
            "only_second": int((gain < 0).sum()),
        }
        for (a, b), value, margin, chance, gain in zip(
            names, values, margins, p, gains, strict=True
        )
    ]
