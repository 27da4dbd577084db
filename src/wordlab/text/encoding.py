"""Every split as ids of the vocabulary, piece by piece, so that memory does not grow with it."""

from pathlib import Path

from wordlab import workers
from wordlab.text import counting
from wordlab.text.corpus import Writer
from wordlab.text.vocabulary import Vocabulary
from wordlab.text.words import Encoder


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
