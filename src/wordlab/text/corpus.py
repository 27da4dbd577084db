"""The encoded corpus: a split of the text as word ids, with its sentence and document bounds."""

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from wordlab.text.vocabulary import UNKNOWN


@dataclass(frozen=True, eq=False)
class EncodedCorpus:
    """One split of the text as ids.

    tokens: int32 (N,), the id of each token in reading order, UNKNOWN (-1) for a word that is not
    in the vocabulary. sentence_ends: int64 (S,), document_ends: int64 (D,): for each sentence and
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

    def known(self) -> "EncodedCorpus":
        """Return the corpus without its unknown words, bounds moved accordingly.

        This is what word vectors are trained on: unknown words are gone before windows are laid,
        as in word2vec.c. Sentences and documents that lose every word are dropped.
        """
        kept = self.tokens != UNKNOWN
        before = np.concatenate([[0], np.cumsum(kept, dtype=np.int64)])
        return EncodedCorpus(
            tokens=np.ascontiguousarray(self.tokens[kept]),
            sentence_ends=_rising(before[self.sentence_ends]),
            document_ends=_rising(before[self.document_ends]),
        )

    def save(self, folder: Path) -> None:
        """Write the three arrays as .npy files into `folder`, which is made if need be."""
        folder.mkdir(parents=True, exist_ok=True)
        np.save(folder / "tokens.npy", self.tokens, allow_pickle=False)
        np.save(folder / "sentence_ends.npy", self.sentence_ends, allow_pickle=False)
        np.save(folder / "document_ends.npy", self.document_ends, allow_pickle=False)

    @classmethod
    def load(cls, folder: Path) -> "EncodedCorpus":
        """Open what `save` wrote; the tokens are memory-mapped, not read."""
        return cls(
            tokens=np.load(folder / "tokens.npy", mmap_mode="r", allow_pickle=False),
            sentence_ends=np.load(folder / "sentence_ends.npy", allow_pickle=False),
            document_ends=np.load(folder / "document_ends.npy", allow_pickle=False),
        )

    def reopened(self) -> "EncodedCorpus":
        """Return the same corpus with its tokens mapped anew, if they are mapped from a file.

        What was read of the old mapping then no longer counts as memory in use, so that a pass
        over a corpus larger than memory stays small.
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
