"""What the trials of a sweep learn from and are scored on: parts of a text, by document."""

import numpy as np
from numpy.typing import NDArray

from wordlab.errors import UserError
from wordlab.text.corpus import EncodedCorpus


def beginning(corpus: EncodedCorpus, tokens: int) -> EncodedCorpus:
    """Return the whole sentences among the first `tokens` tokens, at least one sentence."""
    if len(corpus) == 0:
        raise UserError(
            "sweep_recurrent: expected training and validation text, got an empty split"
        )
    sentences = max(int(np.searchsorted(corpus.sentence_ends, tokens, side="right")), 1)
    end = int(corpus.sentence_ends[sentences - 1])
    documents = corpus.document_ends[corpus.document_ends < end]
    return EncodedCorpus(
        tokens=np.asarray(corpus.tokens[:end]),
        sentence_ends=corpus.sentence_ends[:sentences],
        document_ends=np.append(documents, end),
    )


def rest(corpus: EncodedCorpus, part: EncodedCorpus) -> EncodedCorpus:
    """Return what follows `part`, its beginning, in `corpus`; all of it if nothing does."""
    start = len(part)
    if start == len(corpus):
        return corpus
    sentences = corpus.sentence_ends[corpus.sentence_ends > start] - start
    ends = corpus.document_ends[corpus.document_ends > start] - start
    return EncodedCorpus(np.asarray(corpus.tokens[start:]), sentences, ends)


def documents(corpus: EncodedCorpus, chosen: NDArray[np.bool_]) -> EncodedCorpus:
    """Return the `chosen` documents of `corpus`, bool (D,)."""
    starts = np.concatenate([[0], corpus.document_ends[:-1]])
    sizes = np.where(chosen, corpus.document_ends - starts, 0)
    kept = np.repeat(chosen, corpus.document_ends - starts)
    owner = np.searchsorted(corpus.document_ends, corpus.sentence_ends, side="left")
    shift = np.cumsum(corpus.document_ends - starts - sizes)
    return EncodedCorpus(
        tokens=corpus.tokens[kept],
        sentence_ends=(corpus.sentence_ends - shift[owner])[chosen[owner]],
        document_ends=np.cumsum(sizes)[chosen],
    )


Split = tuple[EncodedCorpus, EncodedCorpus]
"""What to learn from and what to be scored on."""


def splits(learnt: EncodedCorpus, valid: EncodedCorpus, *, folds: int) -> list[Split]:
    """Return what to learn from and what to be scored on, a pair a fold.

    One fold is scored on `valid`; of several, fold f on each document whose number is f modulo
    `folds`. Raises UserError if there are fewer documents than folds.
    """
    if folds == 1:
        return [(learnt, valid)]
    number = np.arange(len(learnt.document_ends))
    if len(number) < folds:
        raise UserError(
            f"sweep_recurrent.folds: {folds} folds need as many documents, got {len(number)} among "
            f"the first {len(learnt)} tokens; expected fewer folds or more tokens"
        )
    return [
        (documents(learnt, number % folds != fold), documents(learnt, number % folds == fold))
        for fold in range(folds)
    ]
