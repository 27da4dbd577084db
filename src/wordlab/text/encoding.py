"""Every split as ids of the vocabulary, piece by piece, so that memory does not grow with it."""

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from wordlab import workers
from wordlab.text import counting
from wordlab.text import word_kernels as kernels
from wordlab.text.corpus import Writer
from wordlab.text.vocabulary import Vocabulary


@dataclass(frozen=True, eq=False)
class Encoded:
    """A piece of a text as ids.

    tokens: int32 (N,), UNKNOWN for words that are not in the vocabulary; sentence_ends and
    document_ends: int64, how many tokens of the piece come before each; unknown: how many tokens
    are. An empty line ends a document.
    """

    tokens: NDArray[np.int32] = field(repr=False)
    sentence_ends: NDArray[np.int64] = field(repr=False)
    document_ends: NDArray[np.int64] = field(repr=False)
    unknown: int


class Encoder:
    """Encodes pieces of a text, each a pure function of the piece and the vocabulary."""

    def __init__(self, vocabulary: Vocabulary) -> None:
        words = pa.array(vocabulary.words, pa.string())
        self._words, self._bounds = counting.bytes_and_bounds(words)
        self._slots, self._hashes = kernels.table(self._words, self._bounds)

    def encode(self, piece: bytes) -> Encoded:
        """Return a text in lines, all of them whole, as ids."""
        room = len(piece) // 2 + 1
        tokens = np.empty(room, np.int32)
        sentence_ends, document_ends = np.empty(room, np.int64), np.empty(len(piece), np.int64)
        found, sentences, documents, unknown = kernels.encode(
            np.frombuffer(piece, np.uint8), self._words, self._bounds, self._slots, self._hashes,
            tokens, sentence_ends, document_ends,
        )  # fmt: skip
        return Encoded(
            tokens[:found], sentence_ends[:sentences], document_ends[:documents], unknown
        )


def encode(path: Path, vocabulary: Vocabulary, folder: Path) -> dict[str, float]:
    """Write the split at `path` as an EncodedCorpus of `vocabulary` into `folder`.

    Returns how many documents, sentences and tokens it has and the share of them that is unknown.
    The files do not depend on how many threads encode.
    """
    encoder, unknown = Encoder(vocabulary), 0
    with Writer(folder) as writer:
        for piece in workers.in_order_of_threads(encoder.encode, counting.pieces(path)):
            writer.add(piece.tokens, piece.sentence_ends, piece.document_ends)
            unknown += piece.unknown
    sizes = writer.sizes
    return {
        "documents": sizes["document_ends"],
        "sentences": sizes["sentence_ends"],
        "tokens": sizes["tokens"],
        "unknown_share": unknown / max(1, sizes["tokens"]),
    }
