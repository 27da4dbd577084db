"""What the trials of a sweep learn from, and are scored on."""

from typing import Any

import numpy as np
import pytest

from wordlab.corpus.corpus import EncodedCorpus
from wordlab.errors import UserError
from wordlab.sweeps.language import folds

OPTIONS: dict[str, Any] = {"early_stopping_share": 0.2, "scored_tokens": None}


def corpus(*sizes: int) -> EncodedCorpus:
    """Documents of so many sentences of ten tokens; each token is the number of its document."""
    counts = np.array(sizes, dtype=np.int64) * 10
    tokens = np.repeat(np.arange(len(sizes)), counts).astype(np.int32)
    return EncodedCorpus(tokens, np.arange(10, len(tokens) + 1, 10), np.cumsum(counts))


def test_the_beginning_of_a_corpus_ends_with_a_sentence() -> None:
    part = folds.beginning(corpus(3, 3, 3, 3), 55)
    assert part.sentence_ends.tolist() == [10, 20, 30, 40, 50]
    assert part.document_ends.tolist() == [30, 50]
    assert folds.beginning(corpus(3, 3, 3, 3), 60).document_ends.tolist() == [30, 60]
    assert len(folds.beginning(corpus(3, 3, 3, 3), 1)) == 10
    assert len(folds.beginning(corpus(3, 3, 3, 3), 10**9)) == 120


def test_what_a_limited_training_learns_from_counts_the_ends_of_sentences() -> None:
    whole = corpus(3, 3)
    assert folds.learnt_by(whole, None) is whole
    sizes = {1: 10, 11: 10, 21: 10, 22: 20, 65: 50, 66: 60, 10**9: 60}
    assert {limit: len(folds.learnt_by(whole, limit)) for limit in sizes} == sizes


def test_folds_are_scored_whole_and_have_about_as_many_tokens() -> None:
    whole = corpus(30, 1, 2, 3, 4, 10, 20, 20)
    found = folds.splits(whole, corpus(1), folds=3, **OPTIONS)
    assert [len(split.scored) for split in found] == [300, 300, 300]
    held_out = [number for split in found for number in np.unique(split.scored.tokens)]
    assert sorted(held_out) == list(range(8))
    with pytest.raises(UserError, match="9 folds need as many documents, got 8"):
        folds.splits(whole, corpus(1), folds=9, **OPTIONS)


@pytest.mark.parametrize("count", [1, 3])
def test_no_document_both_learns_chooses_the_epoch_and_is_scored(count: int) -> None:
    whole = corpus(5, 4, 3, 2, 6, 5, 5)
    for split in folds.splits(whole, corpus(4), folds=count, **OPTIONS):
        learnt, stopping, scored = (
            set(part.tokens.tolist()) for part in (split.learnt, split.stopping, split.scored)
        )
        assert not learnt & stopping
        assert count == 1 or not (learnt | stopping) & scored
        assert len(split.stopping) == pytest.approx(
            0.2 * (len(split.learnt) + len(split.stopping)), abs=30
        )


def words(*sizes: int) -> EncodedCorpus:
    """Documents of so many tokens in sentences of one token."""
    tokens = np.repeat(np.arange(len(sizes)), sizes).astype(np.int32)
    return EncodedCorpus(tokens, np.arange(1, len(tokens) + 1), np.cumsum(sizes))


@pytest.mark.parametrize(
    "sizes", [(100_000, 10), (10_000, 10, 10), (10, 10_000), (30, 40, 50, 400, 30), (50,) * 20]
)
@pytest.mark.parametrize("share", [0.05, 0.1, 0.3])
def test_the_share_that_chooses_the_epoch_is_kept_with_unequal_documents(
    sizes: tuple[int, ...], share: float
) -> None:
    learnt, stopping = folds.held_out(words(*sizes), share)
    whole = sum(sizes)
    assert share / 2 <= len(stopping) / whole <= 2 * share
    assert len(learnt) + len(stopping) == whole
    if max(sizes) >= 10_000:  # no document has about the share: the last tokens
        assert len(stopping) == pytest.approx(share * whole, abs=1)
        assert stopping.tokens.tolist() == words(*sizes).tokens[len(learnt) :].tolist()
    else:
        assert not set(learnt.tokens.tolist()) & set(stopping.tokens.tolist()) or max(sizes) > 300


def test_of_a_single_document_the_last_sentences_choose_the_epoch() -> None:
    split = folds.splits(corpus(10), corpus(1), folds=1, **OPTIONS)[0]
    assert (len(split.learnt), len(split.stopping)) == (80, 20)
    with pytest.raises(UserError, match="two sentences or more"):
        folds.splits(corpus(1), corpus(1), folds=1, **OPTIONS)
    with pytest.raises(UserError, match="expected validation text"):
        folds.splits(corpus(2), corpus(), folds=1, **OPTIONS)
    with pytest.raises(UserError, match="expected training text"):
        folds.beginning(corpus(), 5)
