"""The splits of the text on disk, as sentences and as word ids.

`train.txt`, `valid.txt` and `test.txt` hold one sentence per line, tokens separated by single
spaces, and an empty line after each document. An encoded corpus is one split as ids of the
vocabulary, with the bounds of its sentences and documents.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from wordlab.artifacts import check_range, check_rising, damaged, read_array, reading
from wordlab.corpus.vocabulary import UNKNOWN, Vocabulary

SPLITS = ("train", "valid", "test")


def read(path: Path) -> Iterator[list[list[str]]]:
    """Yield the documents of a split, each as the token lists of its sentences."""
    document: list[list[str]] = []
    with reading(path), path.open(encoding="utf-8", newline="\n") as file:
        for line in file:
            tokens = line.split()
            if tokens:
                document.append(tokens)
            elif document:
                yield document
                document = []
    if document:
        yield document


@dataclass(frozen=True, eq=False)
class EncodedCorpus:
    """One split of the text as ids.

    tokens: int32 (N,), the id of each token in reading order, UNKNOWN (-1) for a word that is not
    in the vocabulary; sentence_ends: int64 (S,), document_ends: int64 (D,): for each sentence and
    document the position after its last token, rising; the last of each is N; every document
    ends where a sentence ends. An empty corpus has N = S = D = 0.
    """

    tokens: NDArray[np.int32] = field(repr=False)
    sentence_ends: NDArray[np.int64] = field(repr=False)
    document_ends: NDArray[np.int64] = field(repr=False)

    def __post_init__(self) -> None:
        for name, ends in (("sentence", self.sentence_ends), ("document", self.document_ends)):
            last = int(ends[-1]) if len(ends) else 0
            if last != len(self.tokens):
                raise ValueError(f"the last {name} ends at {last} of {len(self.tokens)} tokens")

    def __len__(self) -> int:
        return len(self.tokens)

    def counts(self, words: int) -> NDArray[np.int64]:
        """Return how often each of `words` ids occurs, int64 (words,)."""
        return np.bincount(self.tokens[self.tokens != UNKNOWN], minlength=words)

    def document_counts(self, words: int) -> NDArray[np.int64]:
        """Return in how many documents each of `words` ids occurs, int64 (words,)."""
        lengths = np.diff(self.document_ends, prepend=0)
        known = self.tokens != UNKNOWN
        owners = np.repeat(np.arange(len(lengths)), lengths)[known]
        distinct = np.unique(owners * words + self.tokens[known])
        return np.bincount(distinct % words, minlength=words)

    def known(self) -> "EncodedCorpus":
        """Return the corpus without its unknown words, bounds moved accordingly.

        Word vectors are trained on this: unknown words are dropped before windows are formed, as in
        word2vec.c. Sentences and documents that lose every word are dropped.
        """
        kept = self.tokens != UNKNOWN
        before = np.concatenate([[0], np.cumsum(kept, dtype=np.int64)])
        return EncodedCorpus(
            tokens=np.ascontiguousarray(self.tokens[kept]),
            sentence_ends=_rising(before[self.sentence_ends]),
            document_ends=_rising(before[self.document_ends]),
        )

    def shortened(self, tokens: int | None) -> "EncodedCorpus":
        """Return the same share of each document, its first sentences, about `tokens` in all.

        At least one sentence of each; None returns the whole corpus.
        """
        if tokens is None or tokens >= len(self):
            return self
        starts = np.concatenate([[0], self.document_ends[:-1]])
        owner = self.owners()
        read = self.sentence_ends - starts[owner]  # of its document, up to its end
        first = np.diff(owner, prepend=-1) > 0
        sizes = self.document_ends - starts
        return self.where(first | (read <= tokens / len(self) * sizes[owner]))

    def owners(self) -> NDArray[np.int64]:
        """Return the document of each sentence, int64 (S,)."""
        return np.searchsorted(self.document_ends, self.sentence_ends, side="left")

    def where(self, kept: NDArray[np.bool_]) -> "EncodedCorpus":
        """Return the `kept` sentences, bool (S,); documents that lose all are dropped."""
        lengths = np.diff(self.sentence_ends, prepend=0)
        ends = np.cumsum(lengths[kept])
        last = np.diff(self.owners()[kept], append=len(self.document_ends)) > 0
        return EncodedCorpus(self.tokens[np.repeat(kept, lengths)], ends, ends[last])

    def documents(self, chosen: NDArray[np.int64]) -> "EncodedCorpus":
        """Return the documents `chosen` (n,) by their numbers, in that order, as often as named."""
        starts = np.concatenate([[0], self.document_ends[:-1]])
        first, stop = (
            np.searchsorted(self.sentence_ends, bounds, "right")
            for bounds in (starts, self.document_ends)
        )
        ends = np.cumsum((self.document_ends - starts)[chosen])
        moved = ends - self.document_ends[chosen]
        return EncodedCorpus(
            np.concatenate([self.tokens[starts[i] : self.document_ends[i]] for i in chosen]),
            np.concatenate(
                [
                    self.sentence_ends[first[i] : stop[i]] + by
                    for i, by in zip(chosen, moved, strict=True)
                ]
            ),
            ends,
        )

    def sentences(self, first: int, stop: int) -> "EncodedCorpus":
        """Return the sentences first..stop, at least one, without copying the tokens."""
        start = int(self.sentence_ends[first - 1]) if first else 0
        end = int(self.sentence_ends[stop - 1])
        inner = self.document_ends[(self.document_ends > start) & (self.document_ends < end)]
        return EncodedCorpus(
            tokens=np.asarray(self.tokens[start:end]),
            sentence_ends=self.sentence_ends[first:stop] - start,
            document_ends=np.append(inner, end) - start,
        )

    def save(self, folder: Path) -> None:
        """Write the three arrays as .npy files into `folder`, created if it does not exist."""
        folder.mkdir(parents=True, exist_ok=True)
        for name in Writer.TYPES:
            np.save(folder / f"{name}.npy", getattr(self, name), allow_pickle=False)

    @classmethod
    def load(cls, folder: Path, vocabulary: Vocabulary | None = None) -> "EncodedCorpus":
        """Open what `save` wrote; tokens and ends of sentences are memory-mapped, not kept.

        vocabulary: of its words. Raises UserError where bounds contradict one another or the
        length, or an id is of no word.
        """
        paths = {name: folder / f"{name}.npy" for name in Writer.TYPES}
        tokens, sentences, documents = (
            read_array(path, Writer.TYPES[name], mapped=name != "document_ends")
            for name, path in paths.items()
        )
        size = len(vocabulary) if vocabulary else np.iinfo(np.int32).max
        check_range(paths["tokens"], tokens, UNKNOWN, size)
        for name, ends in (("sentence_ends", sentences), ("document_ends", documents)):
            check_rising(paths[name], ends, len(tokens), strict=True)
        if not np.isin(documents, sentences).all():
            raise damaged(paths["document_ends"], "a document that ends within a sentence")
        return cls(tokens, sentences, documents)

    def reopened(self) -> "EncodedCorpus":
        """Return the same corpus with its tokens mapped anew, if they are mapped from a file.

        The pages read through the old mapping then no longer count as memory in use, so that a
        pass over a corpus larger than memory stays small.
        """
        tokens = self.tokens
        if not isinstance(tokens, np.memmap) or tokens.filename is None:
            return self
        anew = np.memmap(
            tokens.filename, np.int32, mode="r", offset=tokens.offset, shape=tokens.shape
        )
        return EncodedCorpus(anew, self.sentence_ends, self.document_ends)


def _rising(ends: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the distinct ends greater than 0, rising."""
    distinct = np.unique(ends)
    return distinct[distinct > 0]


class Writer:
    """The files of an EncodedCorpus, written shard by shard, the same as `save` writes."""

    TYPES: ClassVar[dict[str, type[np.generic]]] = {
        "tokens": np.int32,
        "sentence_ends": np.int64,
        "document_ends": np.int64,
    }

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._files = {name: (folder / f"{name}.npy").open("wb") for name in self.TYPES}
        self.sizes = dict.fromkeys(self.TYPES, 0)
        """The number of values in each array so far."""
        self._document_end = 0

    def __enter__(self) -> "Writer":
        for name in self.TYPES:
            self._head(name)
        return self

    def add(
        self,
        tokens: NDArray[np.int32],
        sentence_ends: NDArray[np.int64],
        document_ends: NDArray[np.int64],
    ) -> None:
        """Append tokens, and the ends of sentences and documents counted from the first of them."""
        before = self.sizes["tokens"]
        rising = np.unique(document_ends + before)
        rising = rising[rising > self._document_end]
        self._document_end = int(rising[-1]) if len(rising) else self._document_end
        self._append("tokens", tokens)
        self._append("sentence_ends", sentence_ends + before)
        self._append("document_ends", rising)

    def __exit__(self, *raised: object) -> None:
        """Write how long the arrays are; the last document ends with the text."""
        if self._document_end < self.sizes["tokens"]:
            self._append("document_ends", np.array([self.sizes["tokens"]], np.int64))
        for name, file in self._files.items():
            file.seek(0)
            self._head(name)
            file.close()

    def _append(self, name: str, values: NDArray[np.int32] | NDArray[np.int64]) -> None:
        self._files[name].write(values.data)
        self.sizes[name] += len(values)

    def _head(self, name: str) -> None:
        """Write the header of a .npy file, which has room for any length."""
        kind = np.lib.format.dtype_to_descr(np.dtype(self.TYPES[name]))
        header = {"descr": kind, "fortran_order": False, "shape": (self.sizes[name],)}
        np.lib.format.write_array_header_1_0(self._files[name], header)
