"""The vocabulary: words, their counts and ids; which a model keeps, draws as noise, or shows."""

import difflib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray

from wordlab.artifacts import reading
from wordlab.errors import UserError

if TYPE_CHECKING:
    import pyarrow as pa

UNKNOWN = -1
"""The id of a word that is not in the vocabulary, in an encoded corpus."""


@dataclass(frozen=True, eq=False)
class Vocabulary:
    """Words by falling count, ties in alphabetical order; a word's id is its place.

    words: V distinct strings; counts: int64 (V,), occurrences in the training split.
    """

    words: tuple[str, ...]
    counts: NDArray[np.int64] = field(repr=False)

    def __post_init__(self) -> None:
        if len(self.words) != len(self.counts):
            raise ValueError(f"{len(self.words)} words but {len(self.counts)} counts")
        self.counts.setflags(write=False)

    @classmethod
    def build(
        cls,
        counts: "Mapping[str, int] | pa.Table",
        *,
        min_count: int = 1,
        max_size: int | None = None,
        section: str = "vocabulary",
    ) -> "Vocabulary":
        """Return the words seen at least `min_count` times, the `max_size` commonest of them.

        counts: of each word, as a mapping or a table with the columns word and count. Raises
        UserError if none is left, naming the `section` of the params.
        """
        import pyarrow as pa  # 33 MiB, which training does without
        import pyarrow.compute as pc

        if not isinstance(counts, pa.Table):
            columns = [pa.array(counts, pa.string()), pa.array(counts.values(), pa.int64())]
            counts = pa.table(columns, ["word", "count"])
        kept = counts.filter(pc.greater_equal(counts["count"], min_count))
        if not len(kept):
            raise UserError(
                f"{section}.min_count: no word of the training split occurs {min_count} times "
                f"or more ({len(counts)} different words, the commonest "
                f"{pc.max(counts['count']).as_py() or 0} times); expected a lower value"
            )
        order = pc.sort_indices(kept, [("count", "descending"), ("word", "ascending")])
        kept = kept.take(order[:max_size])
        return cls(words=tuple(kept["word"].to_pylist()), counts=kept["count"].to_numpy())

    def __len__(self) -> int:
        return len(self.words)

    def __contains__(self, word: str) -> bool:
        return word in self.index

    @cached_property
    def index(self) -> dict[str, int]:
        """The id of each word."""
        return {word: i for i, word in enumerate(self.words)}

    @property
    def unknown(self) -> int:
        """The class V of a language model: whatever is not among the words."""
        return len(self)

    @property
    def end(self) -> int:
        """The class V + 1 of a language model: the end of a sentence, and the start of the next."""
        return len(self) + 1

    @property
    def classes(self) -> int:
        """The number of classes of a language model: the words and both specials."""
        return len(self) + 2

    def id(self, word: str) -> int | None:
        """Return the id of `word`, or None if it is unknown."""
        return self.index.get(word)

    def spelling(self, word: str) -> str:
        """Return `word`, in lower case where only that is known."""
        lowered = word.lower()
        return lowered if word not in self.index and lowered in self.index else word

    def known_id(self, word: str) -> int:
        """Return the id of `word`. Raises UserError, with near spellings, if it is unknown."""
        found = self.index.get(word)
        if found is None:
            near = difflib.get_close_matches(word, self.words, n=3)
            hint = f"; near it: {', '.join(near)}" if near else ""
            raise UserError(f"{word}: not in the vocabulary of {len(self)} words{hint}")
        return found

    def truncated(self, size: int | None) -> "Vocabulary":
        """Return the `size` commonest words, None for all; their ids do not change."""
        return Vocabulary(self.words[:size], self.counts[:size].copy())

    def save(self, path: Path) -> None:
        """Write one `word<TAB>count` per line, in the order of the ids."""
        with path.open("w", encoding="utf-8", newline="\n") as file:
            for word, count in zip(self.words, self.counts.tolist(), strict=True):
                file.write(f"{word}\t{count}\n")

    @classmethod
    def load(cls, path: Path) -> "Vocabulary":
        """Read what `save` wrote. Raises UserError if it is empty, or not distinct words and counts
        of 0 or more."""
        words, counts = [], []
        with reading(path), path.open(encoding="utf-8", newline="\n") as file:
            for line in file:
                word, _, count = line.rstrip("\n").rpartition("\t")
                words.append(word)
                counts.append(int(count))
            found = cls(tuple(words), np.array(counts, dtype=np.int64))
            if not words or len(found.index) < len(words) or found.counts.min() < 0:
                raise ValueError("expected a word, a tab and a count per line, each word once")
        return found


def keep_probabilities(
    counts: NDArray[np.int64], threshold: float, formula: Literal["reference", "paper"]
) -> NDArray[np.float64]:
    """Return the probability that an occurrence of each word is kept, float64 (V,).

    With f the word's share of the tokens and t the threshold, it is (sqrt(f/t) + 1) t/f in
    word2vec.c and sqrt(t/f) in equation 5 of Mikolov et al. 2013b; at most 1, as for a word that
    does not occur. A threshold of 0 keeps all.
    """
    if threshold == 0:
        return np.ones(len(counts))
    share = counts / counts.sum()
    ratio = np.divide(threshold, share, out=np.full(len(counts), np.inf), where=counts > 0)
    kept = np.sqrt(ratio) + ratio if formula == "reference" else np.sqrt(ratio)
    return np.minimum(kept, 1.0)


def noise_probabilities(counts: NDArray[np.int64], exponent: float) -> NDArray[np.float64]:
    """Return the noise distribution, proportional to count ** exponent; float64 (V,)."""
    weights = counts.astype(np.float64) ** exponent
    return weights / weights.sum()


def alias_table(
    probabilities: NDArray[np.float64],
) -> tuple[NDArray[np.float64], NDArray[np.int32]]:
    """Return (share, other), for drawing an outcome exactly in constant time.

    Draw a place i evenly and u in [0, 1): the outcome is i if u < share[i], else other[i]. The
    method of Vose 1991; share float64 (V,), other int32 (V,).
    """
    size = len(probabilities)
    shares = (probabilities * size).tolist()
    other = list(range(size))
    small = [i for i, share in enumerate(shares) if share < 1]
    large = [i for i, share in enumerate(shares) if share >= 1]
    while small and large:
        low, high = small.pop(), large[-1]
        other[low] = high
        shares[high] -= 1 - shares[low]
        if shares[high] < 1:
            small.append(large.pop())
    for i in small + large:
        shares[i] = 1.0
    return np.array(shares), np.array(other, dtype=np.int32)


COMMON = 0.6
"""The commonest words that make up this share of the text are not chosen."""


def study_words(
    named: Sequence[str] | None, vocabulary: Vocabulary, count: int, *, prompts: bool = False
) -> tuple[str, ...]:
    """Return the words of `named` that `vocabulary` has; of too few, chosen words.

    named: None if the params name none; each is in lower case where only that is known. If fewer
    than half of them are known they are of another language, in which they may mean anything, and
    as many words are chosen from the text. count: how many are chosen if none are named. prompts:
    each of `named` may be several words separated by spaces, all of which have to be known, or
    empty.
    """
    named = tuple(named or ())
    spelled = [
        [vocabulary.spelling(word) for word in (one.split() if prompts else [one])] for one in named
    ]
    known = tuple(" ".join(words) for words in spelled if all(w in vocabulary for w in words))
    if named and 2 * len(known) >= len(named):
        return tuple(dict.fromkeys(known))
    return content_words(vocabulary, len(named) or count)


def content_words(vocabulary: Vocabulary, count: int) -> tuple[str, ...]:
    """Return `count` words that are likely to carry meaning, in any language.

    Grammatical words are the commonest and the shortest of a language (Zipf 1949), so the
    commonest words that together make up 60 % of the text are left out, and those that are not
    longer than the mean token; of the others, words without digits, the commonest are taken, as
    they have the best vectors. If too few are left, shorter words follow, then commoner ones.
    """
    words, counts = vocabulary.words, vocabulary.counts
    lengths = np.array([len(word) for word in words])
    common = np.cumsum(counts) - counts < COMMON * counts.sum()
    short = lengths <= np.average(lengths, weights=counts)
    other = np.array([not _of_letters(word) for word in words])
    order = np.lexsort((np.arange(len(words)), short, common, other))
    return tuple(words[i] for i in order[:count].tolist())


def _of_letters(word: str) -> bool:
    return any(c.isalpha() for c in word) and not any(c.isdigit() for c in word)
