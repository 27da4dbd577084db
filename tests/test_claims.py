"""Claims of the params' descriptions that no other test holds."""

import numpy as np
import pytest
import torch

from wordlab.corpus.corpus import EncodedCorpus
from wordlab.corpus.vocabulary import Vocabulary
from wordlab.embeddings.word2vec.training import train as train_vectors
from wordlab.params.whole import load
from wordlab.recurrent.language_model import LanguageModel
from wordlab.recurrent.training import train

WORDS = Vocabulary(tuple("abcdefgh"), np.arange(80, 0, -10))
TEXT = np.random.default_rng(2).integers(0, 10, 300)


def learnt(params, text=TEXT):
    model = LanguageModel(params, WORDS, "word", seed=1)
    before = {name: weight.clone() for name, weight in model.weights().items()}
    train(model, text, text[:60], params, seed=1)
    return before, model.weights()


def test_the_windows_of_word_vectors_pass_the_ends_of_sentences_not_of_documents(repository):
    """preprocess.units."""
    base = load(repository / "params.yaml").word2vec.skipgram
    changes = {"dimensions": 16, "epochs": 1, "subsample": 0.0, "window": 2}
    settings = base.model_copy(update=changes)
    tokens = np.random.default_rng(1).integers(0, 8, 600).astype(np.int32)

    def trained(sentences, documents):
        ends = [np.arange(size, 601, size) for size in (sentences, documents)]
        corpus = EncodedCorpus(tokens, *ends)
        return train_vectors(corpus, WORDS, settings, architecture="skipgram", seed=1).matrix

    np.testing.assert_array_equal(trained(5, 100), trained(10, 100))
    assert not np.array_equal(trained(5, 100), trained(5, 50))


def test_cutoffs_beyond_the_vocabulary_have_no_effect(network):
    """language_model.adaptive_cutoffs."""
    ends = [learnt(network(epochs=1, adaptive_cutoffs=cutoffs))[1] for cutoffs in ([4], [4, 8, 99])]
    assert all(torch.equal(weight, ends[1][name]) for name, weight in ends[0].items())


def test_a_frozen_embedding_stays_as_it_is_at_the_start(network):
    """language_model.embedding."""
    before, after = learnt(network(epochs=1, embedding="frozen", tied=False))
    assert torch.equal(before["embedding"], after["embedding"])
    assert not torch.equal(before["output.weight"], after["output.weight"])


@pytest.mark.parametrize("cell", ["lstm", "gru"])
def test_only_the_plain_network_has_an_activation_to_choose(network, cell):
    """language_model.activation."""
    ends = [learnt(network(cell=cell, epochs=1, activation=one))[1] for one in ("tanh", "relu")]
    assert all(torch.equal(weight, ends[1][name]) for name, weight in ends[0].items())


@pytest.mark.parametrize("penalty", ["activation_penalty", "temporal_penalty"])
def test_penalties_make_outputs_smaller_or_steadier(network, penalty):
    """language_model.activation_penalty, temporal_penalty."""
    sizes = []
    for strength in (0.0, 5.0):
        params = network(cell="gru", epochs=3, **{penalty: strength})
        model = LanguageModel(params, WORDS, "word", seed=1)
        train(model, TEXT, TEXT[:60], params, seed=1)
        with torch.no_grad():
            hidden, _ = model(torch.from_numpy(TEXT[:100, None]), model.initial_state(1))
        steps = hidden if penalty == "activation_penalty" else hidden.diff(dim=0)
        sizes.append(float(steps.square().mean()))
    assert sizes[1] < 0.8 * sizes[0]


def test_no_split_is_without_text_and_shares_sum_to_one(repository):
    """preprocess.splits."""
    splits = load(repository / "params.yaml").preprocess.splits
    for share in ({"valid": 0.0, "train": 0.95}, {"train": 0.5}):
        with pytest.raises(ValueError, match=r"greater than 0|sum to 1"):
            type(splits).model_validate({**splits.model_dump(), **share})
