import numpy as np
import pytest
import torch

from wordlab.corpus.vocabulary import Vocabulary
from wordlab.errors import UserError
from wordlab.evaluation.language.generation import (
    generate,
    generate_by_counts,
    narrowed,
    prompt_ids,
    text_of,
)
from wordlab.evaluation.language.ngrams import KneserNey
from wordlab.params.language import DecodingParams
from wordlab.recurrent.language_model import LanguageModel

WORDS = Vocabulary(("the", "cat", "sat", "on"), np.array([4, 3, 2, 1]))
LETTERS = Vocabulary(("a", "b", " "), np.array([3, 2, 1]))


def decoding(**changes) -> DecodingParams:
    plain = {"strategy": "sample", "temperature": 1.0, "top_k": None, "top_p": 1.0, "beam_width": 3}
    return DecodingParams(**plain | changes)


@pytest.fixture
def words(network):
    model = LanguageModel(network(), WORDS, level="word", seed=1)
    with torch.no_grad():
        model.embedding.mul_(20)  # opinions strong enough to tell choices apart
    return model


@pytest.fixture
def letters(network):
    return LanguageModel(network(cell="gru"), LETTERS, level="character", seed=1)


def test_the_seed_decides(words):
    first, again, other = (generate(words, "the cat", 20, decoding(), seed=s) for s in (1, 1, 2))
    assert first == again != other
    assert first.startswith("the cat")


@pytest.mark.parametrize("strategy", ["sample", "greedy", "beam"])
def test_as_many_symbols_as_asked_and_never_the_unknown_one(words, letters, strategy):
    text = generate(words, "the cat", 40, decoding(strategy=strategy), seed=1)
    assert "<unk>" not in text
    ends = text.count("\n")
    assert len(text.split()) + ends == 42
    assert len(generate(letters, "ab ", 40, decoding(strategy=strategy), seed=1)) == 43


def test_cold_sampling_is_greedy(words):
    greedy = generate(words, "sat", 15, decoding(strategy="greedy"), seed=1)
    assert generate(words, "sat", 15, decoding(temperature=1e-4), seed=2) == greedy
    assert generate(words, "sat", 15, decoding(top_k=1), seed=3) == greedy
    assert generate(words, "sat", 15, decoding(top_p=1e-6), seed=4) == greedy
    assert generate(words, "sat", 15, decoding(strategy="beam", beam_width=1), seed=5) == greedy


def test_a_wide_beam_finds_the_likeliest_text(words):
    text = generate(words, "sat", 3, decoding(strategy="beam", beam_width=6**3), seed=1)
    index = {**WORDS.index, "\n": words.end}
    found = [index[symbol] for symbol in text.replace("\n", " \n ").split(" ") if symbol]
    every = np.stack(np.meshgrid(*[[0, 1, 2, 3, 5]] * 3), axis=-1).reshape(-1, 3)
    best = min(every, key=lambda ids: words.token_losses(np.array([2, *ids]))[1:].sum())
    assert found == [2, *best]


def test_narrowed():
    logits = torch.log(torch.tensor([0.1, 0.4, 0.3, 0.2]))
    p = narrowed(logits, decoding())
    torch.testing.assert_close(p, torch.tensor([0.1, 0.4, 0.3, 0.2]))
    p = narrowed(logits, decoding(top_k=2))
    torch.testing.assert_close(p, torch.tensor([0, 4 / 7, 3 / 7, 0]))
    p = narrowed(logits, decoding(top_p=0.65))
    torch.testing.assert_close(p, torch.tensor([0, 4 / 7, 3 / 7, 0]))
    p = narrowed(logits, decoding(temperature=0.5))
    torch.testing.assert_close(p, torch.tensor([1, 16, 9, 4]) / 30)


def test_no_line_begins_or_ends_with_a_blank(words):
    end, (the, cat) = words.end, (0, 1)
    assert text_of(words, [end, the, cat, end, end, the, end]) == "\nthe cat\n\nthe\n"


def test_counts_without_a_prompt_begin_a_sentence_not_the_text_again(words):
    the, cat, sat, on = range(4)
    text = np.array([on, on, cat, words.end, *[the, cat, sat, words.end] * 30])
    ngrams = KneserNey.fit(text, order=4, classes=words.classes, end=words.end)
    for prompt in ("", "the cat sat\n"):
        drawn = generate_by_counts(ngrams, words, prompt, 2, decoding(strategy="greedy"), seed=1)
        assert drawn == f"{prompt}the cat"


def test_unknown_words_of_a_prompt_are_named(words, letters):
    with pytest.raises(UserError, match="words unknown to the model: dog, zebra;"):
        prompt_ids(words, "the zebra the dog zebra")
    with pytest.raises(UserError, match="characters unknown to the model: z;"):
        prompt_ids(letters, "az")
    assert prompt_ids(words, "  cat the ") == [1, 0]
    assert prompt_ids(words, "") == []


def test_counts_continue_as_the_text_did_and_draw_in_proportion(words):
    the, cat, sat, on = range(4)
    text = np.array([the, cat, sat, on, the, cat, sat, on, the, cat, sat, words.end] * 30)
    ngrams = KneserNey.fit(text, order=3, classes=words.classes, end=words.end)
    greedy = generate_by_counts(ngrams, words, "on the", 3, decoding(strategy="greedy"), seed=1)
    assert greedy == "on the cat sat on"
    drawn = [
        generate_by_counts(ngrams, words, "cat sat", 1, decoding(), seed=s) for s in range(200)
    ]
    assert set(drawn) >= {"cat sat on", "cat sat\n"}
    assert abs(sum(one == "cat sat on" for one in drawn) - 133) < 35
