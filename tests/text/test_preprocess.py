"""Sentences, tokens and splits."""

import sys
import unicodedata

import numpy as np
import pyarrow as pa
import pytest

from wordlab.corpus import corpus
from wordlab.errors import UserError
from wordlab.params.text import PhraseParams, PreprocessParams, SplitShares
from wordlab.text import preprocess

SHARES = SplitShares(train=0.8, valid=0.1, test=0.1)


def params(**changes):
    settings = {
        "language": "other",
        "lowercase": True,
        "tokens": "letters",
        "numbers": "keep",
        "units": "sentences",
        "phrases": PhraseParams(passes=0, discount=5, threshold=100),
        "splits": SHARES,
    }
    return PreprocessParams(**(settings | changes))


def batches(texts):
    return [pa.array(texts[:1]), pa.array(texts[1:], pa.string())]


def sentences(text, settings):
    return [line.split(" ") for line in preprocess.lines(text, settings)]


def test_letters_keep_accents_and_drop_all_else():
    found = sentences("Café n° 3: l'Été — déjà_vu?", params())
    assert found == [["café", "n", "l", "été", "déjà", "vu"]]


def test_a_decomposed_accent_is_the_composed_letter():
    assert (sentences("Cafe\u0301", params())) == [["café"]]


@pytest.mark.parametrize(
    ("text", "words"),
    [("हिन्दी भाषा", ["हिन्दी", "भाषा"]), ("שָׁלוֹם", ["שָׁלוֹם"]), ("ΑΘΗΝΑ ½ m²", ["αθηνα", "m"])],
)
def test_letters_of_any_script_keep_the_marks_that_combine_with_them(text, words):
    found = sentences(text, params())
    assert [[unicodedata.normalize("NFC", word) for word in words]] == found


def test_closing_quotes_and_brackets_stay_with_their_sentence():
    settings = params(tokens="words_and_punctuation", lowercase=False)
    found = sentences('He said "Go." Then (see below.) It ended.', settings)
    assert [" ".join(words) for words in found] == [
        'He said " Go . "',
        "Then ( see below . )",
        "It ended .",
    ]


def test_words_and_punctuation_keep_inner_marks_and_every_other_one():
    settings = params(tokens="words_and_punctuation", lowercase=False)
    found = sentences("It's 3.14, isn't it (well-known)!", settings)
    assert found == [["It's", "3.14", ",", "isn't", "it", "(", "well-known", ")", "!"]]
    assert sentences("one\0two\x1f\x07three\u200b\x7f€", settings) == [["one", "two", "three", "€"]]


def test_sentences_end_at_marks_before_capitals_and_at_line_ends():
    text = 'He left. "Why?" She asked H. N. Abrams, e.g. about it. 12 came\nTitle\nEnd.'
    found = [" ".join(words) for words in sentences(text, params())]
    assert found == ["he left", "why", "she asked h n abrams e g about it", "came", "title", "end"]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("我喜欢你。你呢？「好！」他说。", ["我喜欢你", "你呢", "好", "他说"]),
        ("日本語です。これは？！はい", ["日本語です", "これは", "はい"]),
        ("यह है। वह था॥ क्या? हाँ", ["यह है", "वह था", "क्या", "हाँ"]),
        ("مرحبا؟ نعم. لا", ["مرحبا", "نعم", "لا"]),
        ("یہ ہے۔ وہ", ["یہ ہے", "وہ"]),
        ("Սա է։ Նա", ["սա է", "նա"]),
        ("ይህ ነው። ያ", ["ይህ ነው", "ያ"]),
        ("He met Dr. Smith at 5 p.m. today.", ["he met dr", "smith at p m today"]),
    ],
)
def test_sentences_end_at_the_marks_of_any_script(text, found):
    assert preprocess.lines(text, params()) == found


@pytest.mark.parametrize(
    "kind", [*sorted(preprocess.TOKEN_PATTERNS.keys() - {"whitespace"}), "nltk:WordPunctTokenizer"]
)
@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("co\u00adope\u00adra\u00adtion", "cooperation"),
        ("\ufeffword\u200e a\u2060b", "word ab"),
        ("می\u200cخواهم", "میخواهم"),
    ],
)
def test_characters_that_are_not_seen_cut_no_word(kind, text, found):
    if kind in ("english", "spanish"):
        found = found.replace("میخواهم", "")
    assert "".join(preprocess.lines(text, params(tokens=kind))) == found


@pytest.mark.parametrize("kind", preprocess.TOKEN_PATTERNS)
@pytest.mark.parametrize("dotted", ["İ", "I\u0307", "i\u0307"])
def test_a_dotted_capital_i_is_an_i_in_lower_case(kind, dotted):
    text = f"{dotted}stanbul Istanbul"
    assert preprocess.lines(text, params(tokens=kind)) == ["istanbul istanbul"]
    kept = preprocess.lines("İzmir", params(tokens=kind, lowercase=False))
    assert kept == ["İzmir"]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("我们在2024年", "我 们 在 年"),
        ("日本語のカーと〇", "日 本 語 の カ ー と 〇"),
        ("abc中文def", "abc 中 文 def"),
        ("ภาษาไทย ที่", "ภ า ษ า ไ ท ย ที่"),
        ("ສະບາຍ", "ສ ະ ບ າ ຍ"),
        ("한국어 문장 naïve", "한국어 문장 naïve"),
    ],
)
def test_characters_are_tokens_where_no_spaces_are_between_words(text, found):
    assert preprocess.lines(text, params(tokens="characters")) == [found]


@pytest.mark.parametrize(
    ("text", "tokens", "said"),
    [
        ("我喜欢你。你呢", "letters", True),
        ("我喜欢你。你呢", "words_and_punctuation", True),
        ("我喜欢你。你呢", "characters", False),
        ("我 喜欢 你 。", "whitespace", False),
        ("中文 means Chinese", "letters", False),
        ("1984", "letters", False),
    ],
)
def test_a_script_without_spaces_gets_a_hint_at_the_kind_of_token(text, tokens, said):
    hint = preprocess.hint(pa.array([text]), params(tokens=tokens))
    assert (hint is not None and hint.endswith("characters has others")) == said


def test_splits_hold_their_shares_of_the_text_and_follow_the_seed():
    lengths = np.random.default_rng(0).integers(1, 1000, size=2000)
    assigned = preprocess.assign(lengths, SHARES, seed=1)
    for name in corpus.SPLITS:
        held = lengths[np.array(assigned) == name].sum() / lengths.sum()
        assert held == pytest.approx(getattr(SHARES, name), abs=0.002)
    assert assigned == preprocess.assign(lengths, SHARES, seed=1)
    assert assigned != preprocess.assign(lengths, SHARES, seed=2)


def test_a_split_left_without_a_document_is_refused():
    with pytest.raises(UserError, match=r"preprocess\.splits\.valid: no document .* 1 in all"):
        preprocess.assign(np.array([100]), SHARES, seed=1)


def test_splits_are_written_and_read_back_by_document(tmp_path):
    texts = ["One two. Three.", "...", "Four\nfive six", "Seven.", "Eight"]
    summary = preprocess.write_splits(
        batches(texts), ["train", "train", "valid", "train", "test"], tmp_path, params()
    )
    assert summary["train"] == {"documents": 2, "sentences": 3, "tokens": 4}
    assert summary["valid"] == {"documents": 1, "sentences": 2, "tokens": 3}
    assert summary["test"] == {"documents": 1, "sentences": 1, "tokens": 1}
    assert list(corpus.read(tmp_path / "train.txt")) == [
        [["one", "two"], ["three"]],
        [["seven"]],
    ]
    assert list(corpus.read(tmp_path / "test.txt")) == [[["eight"]]]


@pytest.mark.parametrize("empty", corpus.SPLITS)
def test_a_split_without_a_token_is_refused(tmp_path, empty):
    texts = ["1 2 3" if name == empty else "one" for name in corpus.SPLITS]
    with pytest.raises(UserError, match=f"the split {empty} has a token of the kind 'letters'"):
        preprocess.write_splits(batches(texts), list(corpus.SPLITS), tmp_path, params())


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"tokens": "english"}, "don't go naïve café in"),
        ({"tokens": "spanish"}, "don t go naïve café in"),
        ({"tokens": "words_and_punctuation"}, "don't go , naïve café 3 , in 1984 !"),
        ({"tokens": "words_and_punctuation", "numbers": "zeros"}, "in 0000 !"),
        ({"tokens": "words_and_punctuation", "numbers": "drop"}, "café , in !"),
        ({"tokens": "nltk:TreebankWordTokenizer"}, "do n't go , naïve"),
        ({"tokens": "nltk:WordPunctTokenizer"}, "don ' t go ,"),
        ({"tokens": "nltk:ToktokTokenizer"}, "don ' t go , naïve"),
        ({"tokens": "nltk:TweetTokenizer", "lowercase": False}, "Don't go , naïve"),
        ({"tokens": "nltk:NLTKWordTokenizer"}, "café 3 , in 1984 !"),
    ],
)
def test_each_kind_of_token_and_number(changes, words):
    (line,) = preprocess.lines("Don't go, naïve café 3, in 1984!", params(**changes))
    assert words in line


def test_spanish_keeps_its_letters_and_begins_sentences_with_its_marks():
    text = "El pingüino comió. ¿Quién? ¡La Ñusta! Vive en el 2.º piso."
    found = preprocess.lines(text, params(tokens="spanish"))
    assert found == ["el pingüino comió", "quién", "la ñusta", "vive en el piso"]


def test_a_document_as_the_unit_is_one_line():
    text = "One. Two.\nThree."
    assert preprocess.lines(text, params(units="documents")) == ["one two three"]


def test_a_line_as_the_unit_ends_at_the_end_of_the_line_alone():
    text = "One. Two\x0bthree\u2028four.\n\nFive。Six"
    assert preprocess.lines(text, params(units="lines")) == ["one two three four", "five six"]


PENN = "<unk> Mr. N\xa0% cafe\u0301 a\u200cb @-@ İΣ .\tThe 7 \n . . \n"


def test_tokens_that_white_space_separates_go_in_as_they_are():
    settings = params(tokens="whitespace", units="lines", lowercase=False)
    first, second = preprocess.lines(PENN, settings)
    assert first == "<unk> Mr. N % cafe\u0301 a\u200cb @-@ İΣ . The 7"
    assert second == ". ."
    lowered = preprocess.lines(PENN, params(tokens="whitespace", units="sentences"))
    assert lowered == ["<unk> mr.", "n % cafe\u0301 a\u200cb @-@ iς .", "the 7", ". ."]
    zeros = params(tokens="whitespace", units="lines", numbers="zeros")
    assert preprocess.lines(PENN, zeros)[0].endswith("the 0")


def test_white_space_is_what_str_split_takes_for_it():
    pattern = preprocess.TOKEN_PATTERNS["whitespace"]
    every = [chr(code) for code in range(sys.maxunicode + 1) if not 0xD800 <= code < 0xE000]
    assert all(len(pattern.findall(f"a{one}b")) == len(f"a{one}b".split()) for one in every)


def test_phrases_are_the_pairs_that_equation_6_scores_above_the_threshold(tmp_path):
    (tmp_path / "train.txt").write_text("new york is\nnew york was\n\nis was is was\n\n")
    for name in ("valid", "test"):
        (tmp_path / f"{name}.txt").write_text("old new york york\n\n")
    # 10 tokens; new york: (2 - 1) / (2 * 2) * 10 = 2.5; is was: (2 - 1) / (3 * 3) * 10 = 1.1
    settings = PhraseParams(passes=1, discount=1, threshold=2.4)
    assert preprocess.learn(tmp_path / "train.txt", settings) == {("new", "york")}
    assert preprocess.join(tmp_path, settings) == {"train": 2, "valid": 1, "test": 1}
    assert (tmp_path / "train.txt").read_text() == "new_york is\nnew_york was\n\nis was is was\n\n"
    assert (tmp_path / "test.txt").read_text() == "old new_york york\n\n"
    looser = settings.model_copy(update={"threshold": 2.6})
    assert preprocess.learn(tmp_path / "train.txt", looser) == frozenset()


def test_two_passes_join_phrases_of_more_words_and_the_summary_counts_them(tmp_path):
    settings = PhraseParams(passes=2, discount=0, threshold=1.5)
    texts = ["Big new york city. Other words here now."] * 3
    summary = preprocess.write_splits(
        batches(texts), ["train", "valid", "test"], tmp_path, params(phrases=settings)
    )
    assert (tmp_path / "train.txt").read_text() == "big_new_york_city\nother_words_here_now\n\n"
    assert summary["train"] == {"documents": 1, "sentences": 2, "tokens": 2}


def test_rare_pairs_are_forgotten_where_there_are_too_many(tmp_path, monkeypatch):
    monkeypatch.setattr(preprocess, "MOST_PAIRS", 3)
    lines = ["a b", "a b", "c d", "e f", "g h", "a b"]
    (tmp_path / "train.txt").write_text("\n".join(lines) + "\n")
    settings = PhraseParams(passes=1, discount=0, threshold=0.1)
    assert preprocess.learn(tmp_path / "train.txt", settings) == {("a", "b")}
