import json

import numpy as np
import pytest
import torch

from wordlab.corpus.vocabulary import Vocabulary
from wordlab.errors import UserError
from wordlab.recurrent.language_model import LanguageModel, description, start_from
from wordlab.recurrent.training import train

WORDS = Vocabulary(("the", "cat", "sat", "on"), np.array([4, 3, 2, 1]))
TEXT = np.array([0, 1, 2, 5, 3, 0, 4, 5, 2, 2, 1, 0, 5])


@pytest.fixture
def model(network):
    return LanguageModel(network(layers=2), WORDS, level="word", seed=1)


@pytest.mark.parametrize("cutoffs", [[], [1, 3], [2, 40]])
@pytest.mark.parametrize("tied", [True, False])
def test_probabilities_of_all_texts_of_one_length_sum_to_1(network, tied, cutoffs):
    params = network(tied=tied, embedding_size=16 if tied else 8, adaptive_cutoffs=cutoffs)
    model = LanguageModel(params, WORDS, level="word", seed=1)
    pairs = np.stack(np.meshgrid(range(6), range(6)), axis=-1).reshape(-1, 2)
    total = sum(np.exp(-model.token_losses(pair).sum(dtype=np.float64)) for pair in pairs)
    assert total == pytest.approx(1, abs=1e-5)


def test_tied_weights_are_one(network):
    tied = LanguageModel(network(tied=True), WORDS, level="word", seed=1)
    untied = LanguageModel(network(tied=False), WORDS, level="word", seed=1)
    count = {m: sum(w.numel() for w in m.weights().values()) for m in (tied, untied)}
    assert count[untied] - count[tied] == 6 * 16


def test_a_frozen_embedding_and_one_hot_symbols_stay_as_they_are(network):
    for changes in ({"embedding": "frozen"}, {"embedding": "one_hot", "tied": False}):
        params = network(**changes, weight_decay=0.1)
        model = LanguageModel(params, WORDS, level="word", seed=1)
        before = model.embedding.detach().clone()
        train(model, np.tile(TEXT, 9), TEXT, params, seed=1)
        assert torch.equal(model.embedding, before)
    assert torch.equal(before, torch.eye(6))
    assert description(model)["parameters"] == sum(
        weight.numel() for name, weight in model.named_parameters() if name != "embedding"
    )


def test_a_model_starts_from_word_vectors(network):
    model = LanguageModel(network(), WORDS, level="word", seed=1)
    drawn = model.embedding.detach().clone()
    vectors = np.random.default_rng(0).normal(size=(9, 16)).astype(np.float32)
    start_from(model, vectors, source="data/models/glove")
    got = model.embedding.detach()
    ratio = got[:4] / torch.from_numpy(vectors[:4])
    torch.testing.assert_close(ratio, ratio[0, 0].expand_as(ratio))
    torch.testing.assert_close(got[:4].norm(), drawn[:4].norm())
    assert torch.equal(got[4:], drawn[4:]), "unknown and end have no vector"
    with pytest.raises(
        UserError, match=r"embedding_size: expected 7, .* data/models/glove, got 16"
    ):
        start_from(model, vectors[:, :7], source="data/models/glove")


def test_losses_do_not_depend_on_the_window(model):
    whole = model.token_losses(TEXT)
    np.testing.assert_allclose(model.token_losses(TEXT, steps=3), whole, rtol=1e-5)


def test_parallel_streams_begin_with_a_sentence_and_lose_their_context_only(model):
    whole, two = model.token_losses(TEXT, streams=1), model.token_losses(TEXT, streams=2)
    assert len(two) == len(TEXT)
    begun = 8  # after the end of a sentence, the one closest to the middle
    np.testing.assert_allclose(two[:begun], whole[:begun], rtol=1e-5)
    np.testing.assert_allclose(two[begun:], model.token_losses(TEXT[begun:], streams=1), rtol=1e-5)
    assert not np.allclose(two[begun:], whole[begun:], rtol=1e-5)


def alone(model, context):
    """Return the loss of the last symbol of `context`, given those before it alone."""
    inputs = torch.tensor(context[:-1])[:, None]
    hidden, _ = model(inputs, model.initial_state(1))
    return model.output.losses(hidden[-1], torch.tensor(context[-1:])).item()


def test_a_model_of_windows_is_scored_by_windows(network):
    model = LanguageModel(network(examples="windows", bptt_length=3), WORDS, level="word", seed=1)
    losses = model.token_losses(TEXT)
    padded = [5, 5, 5, *TEXT.tolist()]
    for place in range(len(TEXT)):
        assert losses[place] == pytest.approx(alone(model, padded[place : place + 4]), rel=1e-5)


def test_a_model_of_sentences_is_scored_by_sentences(network):
    model = LanguageModel(network(examples="sentences", bptt_length=3), WORDS, level="word", seed=1)
    losses = model.token_losses(TEXT)
    begun = [0, 3, 4, 7, 8, 11]  # pieces of 3 at most of the sentences, which end at 3, 7 and 12
    before = [5, *TEXT.tolist()]
    for place in range(len(TEXT)):
        start = max(b for b in begun if b <= place)
        assert losses[place] == pytest.approx(alone(model, before[start : place + 2]), rel=1e-5)


def test_a_state_that_is_never_carried_is_not_carried_in_scoring(network):
    model = LanguageModel(network(carry_state="never", bptt_length=3), WORDS, level="word", seed=1)
    losses = model.token_losses(TEXT, streams=1)
    before = [5, *TEXT.tolist()]
    for place in range(len(TEXT)):
        start = place - place % 3
        assert losses[place] == pytest.approx(alone(model, before[start : place + 2]), rel=1e-5)


def test_a_state_is_cut_at_documents_if_training_cuts_it_there(network):
    starts = np.array([0, 8])
    carried, cut = (
        LanguageModel(network(carry_state=how), WORDS, level="word", seed=1)
        for how in ("always", "within_documents")
    )
    whole = carried.token_losses(TEXT, streams=1)
    np.testing.assert_array_equal(
        carried.token_losses(TEXT, document_starts=starts, streams=1), whole
    )
    apart = cut.token_losses(TEXT, document_starts=starts, streams=1)
    np.testing.assert_allclose(apart[:8], whole[:8], rtol=1e-5)
    np.testing.assert_allclose(apart[8:], carried.token_losses(TEXT[8:], streams=1), rtol=1e-5)


def test_scoring_leaves_the_model_alone(model):
    before = {name: weight.clone() for name, weight in model.weights().items()}
    model.token_losses(TEXT)
    assert all(torch.equal(weight, before[name]) for name, weight in model.weights().items())


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("dropout_input", 0.5),
        ("dropout_between", 0.5),
        ("dropout_output", 0.5),
        ("dropout_recurrent", 0.5),
        ("activation_penalty", 2.0),
        ("temporal_penalty", 1.0),
    ],
)
def test_each_regularisation_alone_changes_the_training_loss(network, setting, value):
    inputs, targets = torch.tensor(TEXT[:8]).view(4, 2), torch.tensor(TEXT[1:9]).view(4, 2)

    def loss(**changes) -> tuple[float, float]:
        model = LanguageModel(network(layers=2, **changes), WORDS, level="word", seed=1)
        generator = np.random.default_rng(3)
        total, cross_entropy, _ = model.loss(inputs, targets, model.initial_state(2), generator)
        return float(total.detach()), float(cross_entropy)

    plain_total, plain = loss()
    assert plain_total == plain
    total, cross_entropy = loss(**{setting: value})
    if setting.endswith("penalty"):
        assert cross_entropy == plain
        assert total > plain
    else:
        assert total == cross_entropy != plain


def test_no_output_is_drawn_to_that_of_a_text_before(network):
    inputs, targets = torch.tensor(TEXT[:8]).view(4, 2), torch.tensor(TEXT[1:9]).view(4, 2)
    model = LanguageModel(network(temporal_penalty=1.0), WORDS, level="word", seed=1)
    resets = torch.ones(4, 2, dtype=torch.bool)

    def penalty(resets) -> float:
        state = model.initial_state(2)
        total, cross_entropy, _ = model.loss(inputs, targets, state, None, resets=resets)
        return float(total.detach()) - float(cross_entropy)

    assert penalty(resets) == 0 < penalty(None)


def test_a_saved_model_comes_back_the_same(model, tmp_path):
    model.save(tmp_path / "model")
    again = LanguageModel.load(tmp_path / "model")
    assert again.vocabulary.words == WORDS.words
    assert again.level == "word"
    np.testing.assert_array_equal(again.token_losses(TEXT), model.token_losses(TEXT))
    again.save(tmp_path / "again")
    for file in (tmp_path / "model").iterdir():
        assert file.read_bytes() == (tmp_path / "again" / file.name).read_bytes()


def damage_weights(folder):
    path = folder / "model.safetensors"
    path.write_bytes(path.read_bytes()[:-100])


def shorten_vocabulary(folder):
    Vocabulary(WORDS.words[:2], WORDS.counts[:2].copy()).save(folder / "vocabulary.tsv")


def widen_network(folder):
    description = json.loads((folder / "model.json").read_text())
    description["network"] |= {"hidden_size": 32, "embedding_size": 32}
    (folder / "model.json").write_text(json.dumps(description))


def break_description(folder):
    (folder / "model.json").write_text('{"level": "word"')


def forget_weights(folder):
    (folder / "model.safetensors").unlink()


def misname_setting(folder):
    path = folder / "model.json"
    path.write_text(path.read_text().replace('"cell"', '"sell"'))


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (damage_weights, "not a whole language model"),
        (shorten_vocabulary, r"embedding has shape \(6, 16\), expected \(4, 16\)"),
        (widen_network, r"embedding has shape \(6, 16\), expected \(6, 32\)"),
        (break_description, r"model\.json: damaged \("),
        (forget_weights, "model.safetensors: not found"),
        (misname_setting, r"not a whole language model \(cell: Field required\)"),
    ],
)
def test_a_bad_model_is_refused_in_one_line(model, tmp_path, damage, message):
    model.save(tmp_path / "model")
    damage(tmp_path / "model")
    with pytest.raises(UserError, match=message) as caught:
        LanguageModel.load(tmp_path / "model")
    assert "\n" not in str(caught.value)
    assert str(tmp_path / "model") in str(caught.value)
