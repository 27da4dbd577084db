"""What the trials of a sweep learn from and are scored on: parts of a text, by document."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from wordlab.corpus.corpus import EncodedCorpus
from wordlab.corpus.vocabulary import Vocabulary
from wordlab.errors import UserError
from wordlab.evaluation.language.ngrams import KneserNey
from wordlab.recurrent.batches import language_ids


def beginning(corpus: EncodedCorpus, tokens: int) -> EncodedCorpus:
    """Return the whole sentences among the first `tokens` tokens, at least one sentence."""
    if len(corpus) == 0:
        raise UserError("sweep_recurrent: expected training text, got an empty split")
    sentences = max(int(np.searchsorted(corpus.sentence_ends, tokens, side="right")), 1)
    return corpus.sentences(0, sentences)


def learnt_by(corpus: EncodedCorpus, limit: int | None) -> EncodedCorpus:
    """Return the sentences that a training limited to so many symbols reads, from the first on.

    A symbol is a token or the end of a sentence; at least one sentence, and all without a limit.
    """
    if limit is None:
        return corpus
    ends = corpus.sentence_ends + np.arange(1, len(corpus.sentence_ends) + 1)
    sentences = max(int(np.searchsorted(ends, limit, side="right")), 1)
    return corpus.sentences(0, sentences)


def rest(corpus: EncodedCorpus, part: EncodedCorpus) -> EncodedCorpus:
    """Return what follows `part`, its beginning, in `corpus`; all of it if nothing does."""
    first, stop = len(part.sentence_ends), len(corpus.sentence_ends)
    return corpus if first == stop else corpus.sentences(first, stop)


def documents(corpus: EncodedCorpus, chosen: NDArray[np.bool_]) -> EncodedCorpus:
    """Return the `chosen` documents of `corpus`, bool (D,)."""
    return corpus.where(chosen[corpus.owners()])


class Split(NamedTuple):
    """What a training learns from, what chooses its epoch, and what it is scored on."""

    learnt: EncodedCorpus
    stopping: EncodedCorpus
    scored: EncodedCorpus


def splits(
    learnt: EncodedCorpus,
    valid: EncodedCorpus,
    *,
    folds: int,
    early_stopping_share: float,
    scored_tokens: int | None,
) -> list[Split]:
    """Return the split of each fold: no document that it is scored on is in its other parts.

    One fold is scored on `valid`, of several each on its documents of `learnt`, which are dealt out
    so that all have about as many tokens; on the same share of each document where `scored_tokens`
    are fewer. The epoch is chosen on documents of the rest with about `early_stopping_share` of its
    tokens, or on its last sentences, as in `held_out`. Raises UserError if there are fewer
    documents than folds.
    """
    if folds == 1:
        if len(valid) == 0:
            raise UserError("sweep_recurrent: expected validation text, got an empty split")
        parts = [(learnt, valid)]
    else:
        count = len(learnt.document_ends)
        if count < folds:
            raise UserError(
                f"sweep_recurrent.folds: {folds} folds need as many documents, got {count} among "
                f"the {len(learnt)} tokens learnt from; expected fewer folds or more tokens"
            )
        fold = dealt(learnt, folds)
        parts = [
            (documents(learnt, fold != number), documents(learnt, fold == number))
            for number in range(folds)
        ]
    return [
        Split(*held_out(own, early_stopping_share), scored.shortened(scored_tokens))
        for own, scored in parts
    ]


def held_out(corpus: EncodedCorpus, share: float) -> tuple[EncodedCorpus, EncodedCorpus]:
    """Return `corpus` without some whole documents, and these, about `share` of its tokens.

    The last sentences, where no choice of documents among equal shares comes within a factor of 2
    of `share`, as of a single document. Raises UserError for a single sentence.
    """
    part = dealt(corpus, min(round(1 / share), len(corpus.document_ends)))
    sizes = np.bincount(part, weights=np.diff(corpus.document_ends, prepend=0))
    nearest = int(np.abs(sizes - share * len(corpus)).argmin())
    if share / 2 <= sizes[nearest] / len(corpus) <= min(2 * share, 0.75):
        return documents(corpus, part != nearest), documents(corpus, part == nearest)
    if len(corpus.sentence_ends) < 2:
        raise UserError(
            "sweep_recurrent: expected training text of two sentences or more, one to choose the "
            "epoch on"
        )
    first = beginning(corpus, min(int((1 - share) * len(corpus)), int(corpus.sentence_ends[-2])))
    return first, rest(corpus, first)


def dealt(corpus: EncodedCorpus, parts: int) -> NDArray[np.int64]:
    """Return the part, from 0, of each document, int64 (D,), all with about as many tokens.

    The largest document first, each goes to the part with the fewest tokens so far (LPT; Graham
    1969).
    """
    sizes = np.diff(corpus.document_ends, prepend=0)
    part, filled = np.zeros(len(sizes), dtype=np.int64), np.zeros(parts, dtype=np.int64)
    for number in np.argsort(-sizes, kind="stable"):
        part[number] = filled.argmin()
        filled[part[number]] += sizes[number]
    return part


def baselines(
    pairs: Sequence[Split],
    vocabulary: Vocabulary,
    *,
    orders: Sequence[int],
) -> pd.DataFrame:
    """Return the losses of n-gram models of each split's text where its trials are scored.

    One row per split: fold, from 1, unigram_loss and kneser_ney_loss, nats per symbol, and order,
    that of the Kneser-Ney model, one of `orders`, chosen on what chooses the epoch of networks.
    """
    rows = []
    kind = {"classes": vocabulary.classes, "end": vocabulary.end}
    for number, split in enumerate(pairs, start=1):
        learnt, stopping, scored = (language_ids(part, vocabulary) for part in split)
        unigram = KneserNey.fit(learnt, order=1, **kind)
        chosen = KneserNey.chosen(learnt, stopping, orders=orders, **kind)
        losses = (float(model.losses(scored).mean()) for model in (unigram, chosen))
        rows.append((number, *losses, chosen.order))
    return pd.DataFrame(rows, columns=["fold", "unigram_loss", "kneser_ney_loss", "order"])
