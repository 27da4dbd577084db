import numpy as np
import pytest

from wordlab.corpus.corpus import EncodedCorpus
from wordlab.corpus.vocabulary import Vocabulary
from wordlab.errors import UserError
from wordlab.recurrent.batches import (
    NOTHING,
    NextSymbol,
    Sentences,
    Streams,
    Text,
    character_ids,
    document_starts,
    language_ids,
    read_documents,
    read_lines,
)
from wordlab.recurrent.batches import character_starts as character_starts

END = 9
LINES = [[1, 2, END], [3, END], [4, 5, 6, 7, END], [8, END], [1, 1, END]]
IDS = np.concatenate(LINES)


def test_next_symbol_gives_every_window_once_and_what_follows_it():
    examples = NextSymbol(np.arange(20), 4, 6, seed=1)
    seen = []
    for window in examples.batches(0):
        assert window.inputs.shape == window.targets.shape == (4, 6)
        assert (window.targets[:-1] == NOTHING).all()
        for column, target in zip(window.inputs.T, window.targets[-1], strict=True):
            if target != NOTHING:
                assert column.tolist() == list(range(target - 4, target))
                seen.append(int(target))
    assert sorted(seen) == list(range(4, 20))
    assert examples.symbols == 16
    assert len(list(examples.batches(0))) == examples.batch_count == 3


@pytest.mark.parametrize("longest", [50, 2])
def test_sentences_stand_side_by_side_each_from_its_beginning(longest):
    examples = Sentences.cut(IDS, END, longest, 2, seed=1)
    texts = []
    for window in examples.batches(0):
        inside = window.targets != NOTHING
        assert (inside[:-1] >= inside[1:]).all(), "padding comes last"
        for column, targets in zip(window.inputs.T, window.targets.T, strict=True):
            wanted = targets[targets != NOTHING].tolist()
            if wanted:
                assert column[1 : len(wanted)].tolist() == wanted[:-1]
                texts.append((int(column[0]), wanted))
    if longest == 50:
        assert sorted(texts) == sorted((END, line) for line in LINES)
    else:
        assert (5, [6, 7]) in texts, "a piece goes on after the symbol before it"
        assert sum(len(wanted) for _, wanted in texts) == examples.symbols == len(IDS)
        assert max(len(wanted) for _, wanted in texts) == 2


def test_sentences_of_a_length_stand_together():
    random = np.random.default_rng(0)
    ids = np.concatenate([[1] * n + [END] for n in random.integers(1, 30, size=200)])
    examples = Sentences.cut(ids, END, 100, 10, seed=1)
    steps = sum(window.targets.size for window in examples.batches(0))
    assert steps < 1.05 * len(ids)


@pytest.mark.parametrize(
    "examples",
    [NextSymbol(np.arange(50), 3, 8, seed=1), Sentences.cut(np.tile(IDS, 9), END, 9, 4, seed=1)],
)
def test_each_epoch_has_its_own_order_and_can_be_entered_anywhere(examples):
    first, again, other = (list(examples.batches(epoch)) for epoch in (0, 0, 1))
    entered = list(examples.batches(0, 2))
    for one, two in zip(first, again, strict=True):
        np.testing.assert_array_equal(one.targets, two.targets)
    for one, two in zip(first[2:], entered, strict=True):
        np.testing.assert_array_equal(one.inputs, two.inputs)
    assert any(
        one.inputs.shape != two.inputs.shape or (one.inputs != two.inputs).any()
        for one, two in zip(first, other, strict=True)
    )


def test_a_text_too_short_for_a_window_is_refused():
    with pytest.raises(UserError, match="bptt_length: a window of 4 symbols"):
        NextSymbol(np.arange(4), 4, 2, seed=1)


def test_streams_begin_anew_where_a_document_does():
    streams = Streams.cut(np.arange(13), 3, np.array([0, 2, 9]))
    predicted = streams.targets[streams.resets]
    assert sorted(predicted.tolist()) == [2, 9]
    windows = list(streams.windows(1))
    assert [window.resets is None for window in windows] == [False, False, True, True]


def test_some_sentences_start_from_zeros_others_in_each_epoch(network):
    text = Text(np.tile(IDS, 400), np.array([0, 8]))
    examples = text.examples(network(fresh_starts=0.25), END, seed=1)
    epochs = []
    for epoch in range(2):
        inputs, resets = [], []
        for window in examples.batches(epoch):
            inputs.append(window.inputs)
            resets.append(np.zeros_like(window.inputs) if window.resets is None else window.resets)
        inputs, resets = np.concatenate(inputs), np.concatenate(resets).astype(bool)
        assert (inputs[resets] == END).all()
        assert 0.2 < resets.sum() / (inputs == END).sum() < 0.3
        epochs.append(resets)
    assert (epochs[0] != epochs[1]).any()
    plain = text.examples(network(fresh_starts=0.0), END, seed=1)
    assert all(window.resets is None for window in plain.batches(0))
    both = text.examples(network(fresh_starts=0.25, carry_state="within_documents"), END, seed=1)
    resets = next(iter(both.batches(0))).resets
    assert resets[7, 0], "the document that begins at 8"


def test_each_epoch_may_read_the_text_from_another_place_on(network):
    ids = np.arange(103)
    text = Text(ids, np.array([0, 40]))
    given = {"batch_size": 3, "bptt_length": 5, "random_offset": True}
    examples = text.examples(network(**given, carry_state="within_documents"), END, seed=1)
    begun = []
    for epoch in range(3):
        windows = list(examples.batches(epoch))
        assert len(windows) == examples.batch_count == 7
        targets = np.concatenate([window.targets for window in windows])  # (34, 3)
        order = targets.T.flatten()
        assert len(order) == examples.symbols == 102
        np.testing.assert_array_equal(np.diff(order) % 103, 1)  # on from the end at the beginning
        resets = [window.targets[window.resets] for window in windows if window.resets is not None]
        left_out = set(ids.tolist()) - set(order.tolist())
        assert set(np.concatenate(resets).tolist()) == {0, 40} - left_out
        begun.append(int(order[0]))
    assert len(set(begun)) == 3
    for one, two in zip(list(examples.batches(2))[4:], examples.batches(2, 4), strict=True):
        np.testing.assert_array_equal(one.inputs, two.inputs)
    fixed = text.examples(network(**given | {"random_offset": False}), END, seed=1)
    assert [int(next(iter(fixed.batches(epoch))).targets[0, 0]) for epoch in range(2)] == [1, 1]


def test_documents_of_words_and_characters_begin_where_they_do(tmp_path):
    corpus = EncodedCorpus(
        tokens=np.array([0, 2, 1, 1, 0, 2], dtype=np.int32),
        sentence_ends=np.array([2, 3, 5, 6]),
        document_ends=np.array([3, 6]),
    )
    words = Vocabulary(("a", "b", "c"), np.array([3, 2, 1]))
    ids = language_ids(corpus, words)
    assert document_starts(corpus).tolist() == [0, 5]
    assert ids.tolist() == [0, 2, 4, 1, 4, 1, 0, 4, 2, 4]
    path = tmp_path / "train.txt"
    path.write_text("a c\nb\n\nb a\nc\n", encoding="utf-8")
    starts = character_starts(read_documents(path))
    assert starts.tolist() == [0, 6]
    letters = Vocabulary(("a", "b", "c", " "), np.array([3, 2, 1, 1]))
    assert character_ids(read_lines(path), letters)[starts].tolist() == [0, 1]
