"""Sentences, tokens and splits."""

import unicodedata

import numpy as np
import pytest

from wordlab.errors import UserError
from wordlab.params.text import PreprocessParams, SplitShares
from wordlab.text import preprocess, splits

SHARES = SplitShares(train=0.8, valid=0.1, test=0.1)


def params(**changes):
    settings = {"lowercase": True, "tokens": "letters", "splits": SHARES}
    return PreprocessParams(**(settings | changes))


def test_letters_keep_accents_and_drop_all_else():
    found = list(preprocess.sentences("Café n° 3: l'Été — déjà_vu?", params()))
    assert found == [["café", "n", "l", "été", "déjà", "vu"]]


def test_a_decomposed_accent_is_the_composed_letter():
    assert list(preprocess.sentences("Cafe\u0301", params())) == [["café"]]


@pytest.mark.parametrize(
    ("text", "tokens"),
    [("हिन्दी भाषा", ["हिन्दी", "भाषा"]), ("שָׁלוֹם", ["שָׁלוֹם"]), ("ΑΘΗΝΑ ½ m²", ["αθηνα", "m"])],
)
def test_letters_of_any_script_keep_the_marks_that_combine_with_them(text, tokens):
    found = list(preprocess.sentences(text, params()))
    assert [[unicodedata.normalize("NFC", token) for token in tokens]] == found


def test_closing_quotes_and_brackets_stay_with_their_sentence():
    settings = params(tokens="words_and_punctuation", lowercase=False)
    found = list(preprocess.sentences('He said "Go." Then (see below.) It ended.', settings))
    assert [" ".join(tokens) for tokens in found] == [
        'He said " Go . "',
        "Then ( see below . )",
        "It ended .",
    ]


def test_words_and_punctuation_keep_inner_marks_and_every_other_one():
    settings = params(tokens="words_and_punctuation", lowercase=False)
    found = list(preprocess.sentences("It's 3.14, isn't it (well-known)!", settings))
    assert found == [["It's", "3.14", ",", "isn't", "it", "(", "well-known", ")", "!"]]


def test_sentences_end_at_marks_before_capitals_and_at_line_ends():
    text = 'He left. "Why?" She asked H. N. Abrams, e.g. about it. 12 came\nTitle\nEnd.'
    found = [" ".join(tokens) for tokens in preprocess.sentences(text, params())]
    assert found == ["he left", "why", "she asked h n abrams e g about it", "came", "title", "end"]


def test_splits_hold_their_shares_of_the_text_and_follow_the_seed():
    lengths = np.random.default_rng(0).integers(1, 1000, size=2000)
    assigned = preprocess.assign(lengths, SHARES, seed=1)
    for name in splits.SPLITS:
        held = lengths[np.array(assigned) == name].sum() / lengths.sum()
        assert held == pytest.approx(getattr(SHARES, name), abs=0.002)
    assert assigned == preprocess.assign(lengths, SHARES, seed=1)
    assert assigned != preprocess.assign(lengths, SHARES, seed=2)


def test_a_split_left_without_a_document_is_refused():
    with pytest.raises(UserError, match=r"preprocess\.splits\.valid: no document .* 1 in all"):
        preprocess.assign(np.array([100]), SHARES, seed=1)


def test_splits_are_written_and_read_back_by_document(tmp_path):
    texts = ["One two. Three.", "...", "Four\nfive six", "Seven."]
    summary = preprocess.write_splits(
        texts, ["train", "train", "valid", "train"], tmp_path, params()
    )
    assert summary["train"] == {"documents": 2, "sentences": 3, "tokens": 4}
    assert summary["valid"] == {"documents": 1, "sentences": 2, "tokens": 3}
    assert summary["test"] == {"documents": 0, "sentences": 0, "tokens": 0}
    assert list(splits.read(tmp_path / "train.txt")) == [
        [["one", "two"], ["three"]],
        [["seven"]],
    ]
    assert list(splits.read(tmp_path / "test.txt")) == []


def test_a_training_split_without_a_token_is_refused(tmp_path):
    with pytest.raises(UserError, match="no token of the kind 'letters'"):
        preprocess.write_splits(["1 2 3"], ["train"], tmp_path, params())
