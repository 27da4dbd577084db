"""Claims of params/text.py that tests of the text's own modules do not hold."""

import numpy as np
import pytest

from wordlab.corpus.corpus import EncodedCorpus
from wordlab.corpus.vocabulary import Vocabulary
from wordlab.embeddings.counts import cooccurrence
from wordlab.embeddings.word2vec.training import train
from wordlab.params.whole import load
from wordlab.text import preprocess

WORDS = Vocabulary(tuple("abcdefgh"), np.arange(80, 0, -10))


def corpus(sentences, documents):
    """Return 600 tokens in sentences and documents of so many."""
    tokens = np.random.default_rng(1).integers(0, 8, 600).astype(np.int32)
    return EncodedCorpus(tokens, *(np.arange(size, 601, size) for size in (sentences, documents)))


def word2vec(text, params):
    changes = {"dimensions": 16, "epochs": 1, "subsample": 0.0, "window": 2}
    settings = params.word2vec.skipgram.model_copy(update=changes)
    return train(text, WORDS, settings, architecture="skipgram", seed=1).matrix


def counts(text, params):
    return cooccurrence.count(text, WORDS, params.cooccurrence, seed=1).matrix.toarray()


@pytest.mark.parametrize("made", [word2vec, counts])
def test_the_windows_of_word_vectors_pass_the_ends_of_sentences_not_of_documents(repository, made):
    """preprocess.units."""
    params = load(repository / "params.yaml")
    found = [made(corpus(*sizes), params) for sizes in ((5, 100), (10, 100), (5, 50))]
    np.testing.assert_array_equal(found[0], found[1])
    assert not np.array_equal(found[0], found[2])


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ("One line\nanother", 2),
        ("他来了。她走了！谁？", 3),
        ("It is so. Then? 3 more! Yes", 4),
        ("It is so.Then it ends", 1),
        ("It is so. then it goes on", 1),
        ("By H. N. Brown of here", 1),
        ("By Dr. Brown of here", 2),
    ],
)
def test_sentences_end_where_they_are_said_to(repository, text, lines):
    """preprocess.units."""
    settings = load(repository / "params.yaml").preprocess
    assert len(preprocess.lines(text, settings)) == lines


@pytest.mark.parametrize(
    "text", ["中文字", "ひらがな", "ภาษา", "ພາສາ", "ភាសា", "ဘာသာ", "བོད"],
    ids=["Chinese", "Japanese", "Thai", "Lao", "Khmer", "Burmese", "Tibetan"],
)  # fmt: skip
def test_characters_of_scripts_without_spaces_are_tokens_of_one_kind_alone(repository, text):
    """preprocess.tokens."""
    shipped = load(repository / "params.yaml").preprocess
    tokens = {
        kind: preprocess.lines(text, shipped.model_copy(update={"tokens": kind}))[0].split(" ")
        for kind in ("letters", "characters")
    }
    assert len(tokens["letters"]) == 1 < len(tokens["characters"])
    assert "".join(tokens["characters"]) == tokens["letters"][0]


@pytest.mark.parametrize(
    ("discount", "threshold", "phrases"),
    [(0, 2, 4), (0, 3, 2), (0, 3.8, 1), (1, 2, 1), (3, 0.5, 1), (4, 0.5, 0)],
)
def test_phrases_are_fewer_the_higher_discount_and_threshold_are(
    repository, tmp_path, discount, threshold, phrases
):
    """preprocess.phrases: without a discount the pairs score 4, 3.6, 2.7 and 2.7."""
    (tmp_path / "train.txt").write_text("a b\n" * 4 + "c d\n" * 2 + "c e\nd e\n")
    shipped = load(repository / "params.yaml").preprocess.phrases
    changes = {"passes": 1, "discount": discount, "threshold": threshold}
    found = preprocess.learn(tmp_path / "train.txt", shipped.model_copy(update=changes))
    assert len(found) == phrases


def test_no_split_is_without_text_and_shares_sum_to_one(repository):
    """preprocess.splits."""
    splits = load(repository / "params.yaml").preprocess.splits
    for share in ({"valid": 0.0, "train": 0.95}, {"train": 0.5}):
        with pytest.raises(ValueError, match=r"greater than 0|sum to 1"):
            type(splits).model_validate({**splits.model_dump(), **share})
