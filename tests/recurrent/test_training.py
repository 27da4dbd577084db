import math
from dataclasses import asdict

import numpy as np
import pytest
import torch

from wordlab.corpus.vocabulary import Vocabulary
from wordlab.errors import UserError
from wordlab.recurrent import devices, training
from wordlab.recurrent.language_model import LanguageModel
from wordlab.recurrent.training import DivergedError, train

LETTERS = Vocabulary(tuple("abcdef"), np.arange(6, 0, -1))


def text(length: int, seed: int = 0) -> np.ndarray:
    """Return symbols of which the next follows 8 times in 10, else any does."""
    random = np.random.default_rng(seed)
    ids = [0]
    for jump, anything in zip(
        random.random(length - 1), random.integers(6, size=length), strict=False
    ):
        ids.append(int(anything) if jump < 0.2 else (ids[-1] + 1) % 6)
    return np.array(ids, dtype=np.int64)


def run(params, *, seed=1, train_ids=None, valid_ids=None, **others):
    model = LanguageModel(params, LETTERS, level="character", seed=seed)
    record = train(
        model,
        text(600) if train_ids is None else train_ids,
        text(200, seed=1) if valid_ids is None else valid_ids,
        params,
        seed=seed,
        **others,
    )
    return model, record


def same(one, other) -> bool:
    first, second = one.weights(), other.weights()
    return first.keys() == second.keys() and all(torch.equal(first[k], second[k]) for k in first)


REGULARISED = {
    "layers": 2,
    "dropout_input": 0.1,
    "dropout_between": 0.1,
    "dropout_output": 0.1,
    "dropout_recurrent": 0.1,
    "activation_penalty": 0.1,
    "temporal_penalty": 0.1,
    "weight_decay": 0.01,
    "schedule": "cosine",
    "warmup": 0.1,
}


@pytest.mark.parametrize("cutoffs", [[], [2, 4]])
def test_threads_change_no_byte_of_a_model(network, monkeypatch, cutoffs):
    monkeypatch.setattr(devices, "_PART", 1)  # of all products, however small
    params = network(cell="lstm", epochs=2, adaptive_cutoffs=cutoffs, **REGULARISED)
    found = []
    for threads in (1, 2, 3, 8):
        monkeypatch.setenv("WORDLAB_THREADS", str(threads))
        found.append(run(params)[0])
    assert all(same(found[0], other) for other in found[1:])


@pytest.mark.parametrize("cell", ["rnn", "lstm", "gru"])
@pytest.mark.parametrize("variational", [False, True])
def test_same_seed_same_bytes_other_seed_other_bytes(network, cell, variational):
    params = network(cell=cell, variational=variational, **REGULARISED)
    (first, record), (again, same_record), (other, _) = (run(params, seed=s) for s in (1, 1, 2))
    assert same(first, again)
    assert record == same_record
    assert not same(first, other)


@pytest.mark.parametrize("cell", ["rnn", "lstm", "gru"])
@pytest.mark.parametrize("optimizer", [{}, {"optimizer": "sgd", "rate": 1.0}])
def test_it_learns_what_there_is_to_learn(network, cell, optimizer):
    _, record = run(network(cell=cell, epochs=4, **optimizer), train_ids=text(3000))
    p = 0.8 + 0.2 / 6
    entropy = -p * math.log(p) - 5 * 0.2 / 6 * math.log(0.2 / 6)
    losses = [epoch.valid_loss for epoch in record.epochs]
    assert entropy - 0.15 < min(losses) < entropy + 0.15 < math.log(6)


def test_one_batch_is_learnt_by_heart(network):
    random = np.random.default_rng(0).integers(6, size=41)
    params = network(epochs=150, bptt_length=10, hidden_size=32, embedding_size=32)
    _, record = run(params, train_ids=random, valid_ids=random)
    assert record.epochs[-1].train_loss < 0.05


def test_the_state_is_carried_across_windows_or_not(network, monkeypatch):
    starts = []

    def watched(model, inputs, targets, state, *args, loss=training.LanguageModel.loss, **others):
        total, cross_entropy, end = loss(model, inputs, targets, state, *args, **others)
        starts.append((state[0][0].clone(), end[0][0].detach().clone()))
        return total, cross_entropy, end

    monkeypatch.setattr(training.LanguageModel, "loss", watched)
    for carried in ("always", "never"):
        starts.clear()
        run(network(carry_state=carried, epochs=2), train_ids=text(101))  # 4 windows an epoch
        assert len(starts) == 8
        for number, (start, _) in enumerate(starts):
            zero = carried == "never" or number % 4 == 0  # a new epoch starts the text again
            expected = torch.zeros_like(start) if zero else starts[number - 1][1]
            assert torch.equal(start, expected)


def test_the_state_is_cut_between_documents(network):
    ids, one, two = text(400), np.array([0]), np.array([0, 150])

    def trained(carried, starts):
        params = network(carry_state=carried, batch_size=1, hidden_size=8, embedding_size=8)
        return run(params, train_ids=ids, document_starts=(starts, one))[0]

    carried = trained("always", two)
    assert same(carried, trained("always", one))
    assert same(carried, trained("within_documents", one))
    assert not same(carried, trained("within_documents", two))


@pytest.mark.parametrize("examples", ["windows", "sentences"])
def test_windows_and_sentences_are_learnt_from_as_well(network, examples):
    lines = np.where(np.arange(1200) % 9 == 8, 7, text(1200))
    params = network(examples=examples, batch_size=16, bptt_length=6)
    model, record = run(params, train_ids=lines, valid_ids=lines[:300])
    assert record.epochs[-1].valid_loss < 1.4 < math.log(8)
    again, _ = run(params, train_ids=lines, valid_ids=lines[:300])
    assert same(model, again)


def test_validation_is_read_as_the_training_text_is(network):
    ids = np.where(np.arange(90) % 7 == 6, 7, text(90))
    params = network(examples="sentences", bptt_length=50, batch_size=4, epochs=1)
    model, record = run(params, train_ids=ids, valid_ids=ids)
    sentences = np.split(ids, np.flatnonzero(ids == 7) + 1)
    losses = np.concatenate([model.token_losses(sentence) for sentence in sentences])
    assert record.epochs[0].valid_loss == pytest.approx(losses.mean(dtype=np.float64), rel=1e-5)


def test_the_training_loss_is_a_mean_over_symbols_not_over_windows(network):
    ids = text(4 * 11 + 1)  # windows of 8 and of 3 steps
    params = network(rate=1e-12, epochs=1, carry_state="never")
    fresh = LanguageModel(params, LETTERS, level="character", seed=1)
    _, record = run(params, train_ids=ids)
    streams = np.stack([ids[k * 11 : k * 11 + 12] for k in range(4)])
    by_window = []
    for window in (streams[:, :9], streams[:, 8:]):
        hidden, _ = fresh(torch.from_numpy(window[:, :-1].T.copy()), fresh.initial_state(4))
        log_p = fresh.output.log_probabilities(hidden)
        wanted = torch.from_numpy(window[:, 1:].T.copy())[..., None]
        by_window.append(-log_p.gather(2, wanted).detach().numpy())
    sums, sizes = [w.sum() for w in by_window], [w.size for w in by_window]
    assert sizes == [32, 12]
    assert record.epochs[0].train_loss == pytest.approx(sum(sums) / 44, rel=1e-6)
    assert record.epochs[0].train_perplexity == pytest.approx(math.exp(sum(sums) / 44), rel=1e-6)


def test_averaging_begins_when_validation_gets_no_better(network, monkeypatch):
    noise = np.random.default_rng(0).integers(6, size=600)
    begun = []
    monkeypatch.setattr(
        training.optimizers.AveragedSGD,
        "begin_average",
        lambda self, begin=training.optimizers.AveragedSGD.begin_average: (
            begun.append(True),
            begin(self),
        ),
    )
    params = network(optimizer="averaged_sgd", averaging_patience=1, rate=8.0, epochs=10)
    _, record = run(params, train_ids=noise)
    losses = [epoch.valid_loss for epoch in record.epochs]
    expected = [k for k in range(2, 10) if losses[k] > min(losses[: k - 1])]
    assert expected, "the trigger must be met for the test to say anything"
    assert len(begun) == len(expected)
    _, plain = run(params.model_copy(update={"optimizer": "sgd"}), train_ids=noise)
    first = expected[0]
    assert [e.valid_loss for e in plain.epochs][: first + 1] == losses[: first + 1]
    assert min(losses[first + 1 :]) < min(e.valid_loss for e in plain.epochs[first + 1 :])


@pytest.mark.parametrize("optimizer", ["sgd", "averaged_sgd"])
@pytest.mark.parametrize("schedule", ["plateau", "cosine"])
def test_gradient_descent_with_a_falling_rate(network, optimizer, schedule):
    params = network(optimizer=optimizer, rate=1.0, schedule=schedule, epochs=3)
    _, record = run(params, train_ids=text(2000))
    assert record.epochs[-1].valid_loss < 1.2 < math.log(6)


def test_bfloat16_ends_near_float32(network):
    losses = [
        run(network(layers=2, precision=precision, adaptive_cutoffs=[3]), train_ids=text(2000))[1]
        for precision in ("float32", "bfloat16")
    ]
    exact, rounded = (record.epochs[-1].valid_loss for record in losses)
    assert rounded == pytest.approx(exact, abs=0.02)
    assert rounded != exact


def test_validation_rounds_nothing(network):
    valid_ids = text(200, seed=1)
    model, record = run(network(precision="bfloat16"), valid_ids=valid_ids)
    best = record.epochs[record.best_epoch - 1]
    assert best.valid_loss == float(model.token_losses(valid_ids).mean(dtype=np.float64))


def test_cuda_where_there_is_none_is_refused(network, monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(UserError, match="device: torch sees no CUDA device"):
        run(network(device="cuda"))
    assert same(run(network(device="auto"))[0], run(network())[0])


def test_dropped_recurrent_weights_change_the_training_from_the_second_step_on(network):
    def steps(seed):
        norms = []
        params = network(dropout_recurrent=0.5, epochs=1, clip_norm=None)
        model = LanguageModel(params, LETTERS, level="character", seed=1)
        note = lambda step, by_weight, _: norms.append(by_weight)  # noqa: E731
        train(model, text(200), text(50), params, seed=seed, on_gradients=note)
        return [step["layers.cells.0.recurrent_weight"] for step in norms]

    ours, others = steps(1), steps(2)
    assert len(ours) > 4
    assert all(one != other for one, other in zip(ours, others, strict=True))


def test_it_stops_early_and_keeps_the_best_weights(network):
    noise = np.random.default_rng(0).integers(6, size=300)
    params = network(epochs=40, patience=2, hidden_size=32, embedding_size=32)
    model, record = run(params, train_ids=noise, valid_ids=np.roll(noise[::-1], 7).copy())
    losses = [epoch.valid_loss for epoch in record.epochs]
    assert record.stopped_early
    assert record.best_epoch == 1 + int(np.argmin(losses)) == len(losses) - 2
    kept = model.token_losses(np.roll(noise[::-1], 7).copy()).mean(dtype=np.float64)
    assert kept == pytest.approx(min(losses), abs=1e-9)


def test_a_budget_of_tokens_ends_the_training_and_the_schedule(network):
    # 4 streams of 149 steps: 596 tokens and 19 windows an epoch, 32 tokens in all but the last
    params = network(tokens=700, epochs=3, schedule="linear")
    steps = []

    class Watching:
        interval = 10_000

        def updated(self, update):
            steps.append(update)

    _, record = run(params, watcher=Watching())
    assert len(steps) == math.ceil(700 * 19 / 596) == 23
    assert [row.epoch for row in record.epochs] == [1, 2]
    assert record.epochs[1].rate == pytest.approx(params.rate / 23)
    last = steps[19:]
    mean = sum(u.loss * u.symbols for u in last) / sum(u.symbols for u in last)
    assert record.epochs[1].train_loss == pytest.approx(mean)
    assert not record.stopped_early
    whole, free = run(network(epochs=1)), run(network(epochs=1, tokens=10**6, minutes=60.0))
    assert same(whole[0], free[0])


def test_the_loss_on_the_way_is_that_of_the_averages_where_there_are_some(network):
    noise = np.random.default_rng(0).integers(6, size=300)
    params = network(optimizer="averaged_sgd", averaging_patience=1, rate=8.0, epochs=10)
    seen = {}

    class Watching:
        interval = 1

        def updated(self, update):
            pass

        def validated(self, step, mark, loss):
            seen[step] = loss

    _, record = run(params, train_ids=noise, watcher=Watching())
    windows = record.updates // len(record.epochs)
    for epoch in record.epochs:
        assert seen[epoch.epoch * windows] == pytest.approx(epoch.valid_loss, abs=1e-9)


def test_a_budget_of_minutes_ends_the_training(network):
    _, record = run(network(minutes=1e-9, epochs=3))
    assert len(record.epochs) == 1
    first, _ = run(network(tokens=1, epochs=3))
    again, _ = run(network(minutes=1e-9, epochs=3))
    assert same(first, again)  # one window each


def test_gradients_are_clipped_and_the_norm_before_is_told(network):
    _, free = run(network(clip_norm=None, optimizer="sgd", rate=0.1))
    _, clipped = run(network(clip_norm=1e-4, optimizer="sgd", rate=0.1))
    assert free.epochs[0].clip_rate == 0
    assert clipped.epochs[0].clip_rate == 1
    assert clipped.epochs[0].gradient_norm > 1e-2
    # a step of length 1e-5 at most, 19 windows an epoch
    assert clipped.epochs[1].valid_loss == pytest.approx(clipped.epochs[0].valid_loss, abs=1e-3)
    _, by_value = run(network(clip_norm=None, clip_value=1e-6, optimizer="sgd", rate=0.1))
    assert by_value.epochs[0].clip_rate == 1
    assert by_value.epochs[1].valid_loss == pytest.approx(by_value.epochs[0].valid_loss, abs=1e-3)


def test_the_norm_of_each_weights_gradient_can_be_followed(network):
    noted = []
    model, record = run(network(epochs=1), on_gradients=lambda *given: noted.append(given))
    assert [step for step, _, _ in noted] == list(range(1, 20))
    assert all(norms.keys() == model.weights().keys() for _, norms, _ in noted)
    together = np.mean([np.sqrt(sum(n**2 for n in norms.values())) for _, norms, _ in noted])
    assert together == pytest.approx(record.epochs[0].gradient_norm)
    assert np.mean([clipped for *_, clipped in noted]) == record.epochs[0].clip_rate


def test_rates_follow_their_schedule(network):
    def rates(**changes) -> list[float]:
        return [e.rate for e in run(network(epochs=4, rate=0.01, **changes))[1].epochs]

    windows = 4 * 19
    assert rates() == [0.01] * 4
    assert rates(schedule="linear") == pytest.approx(
        [0.01 * (1 - (19 * k - 1) / windows) for k in (1, 2, 3, 4)]
    )
    assert rates(schedule="cosine")[1] == pytest.approx(
        0.005 * (1 + math.cos(math.pi * 37 / windows))
    )
    assert rates(warmup=0.5)[0] == pytest.approx(0.01 * 19 / 38)
    noise = np.random.default_rng(0).integers(6, size=600)
    params = network(epochs=6, schedule="plateau", rate=0.05)
    epochs = run(params, train_ids=noise)[1].epochs
    best, factor = math.inf, 1.0
    for epoch in epochs:
        assert epoch.rate == pytest.approx(0.05 * factor)
        factor = factor if epoch.valid_loss < best else factor / 4
        best = min(best, epoch.valid_loss)
    assert factor < 1


def test_weight_decay_shrinks_matrices(network):
    plain, _ = run(network(weight_decay=0.0))
    decayed, _ = run(network(weight_decay=5.0))
    assert decayed.embedding.norm() < 0.9 * plain.embedding.norm()


def test_divergence_names_the_window_and_the_setting(network):
    params = network(cell="rnn", activation="relu", optimizer="sgd", rate=1e30, clip_norm=None)
    message = r"^character_model\.rate: training diverged at window \d+ \(epoch 1\)"
    with pytest.raises(DivergedError, match=message):
        run(params, rate_name="character_model.rate")


def test_a_text_too_short_is_refused(network):
    with pytest.raises(UserError, match="batch_size"):
        run(network(), train_ids=text(3))
    with pytest.raises(UserError, match="valid"):
        run(network(), valid_ids=text(10)[:0])


def test_each_epoch_is_told(network):
    steps = []
    _, record = run(network(epochs=3), on_epoch=lambda step, metrics: steps.append((step, metrics)))
    assert steps == [(epoch.epoch, asdict(epoch)) for epoch in record.epochs]


def test_the_callers_random_numbers_and_threads_are_left_alone(network):
    torch.manual_seed(5)
    before, threads = torch.get_rng_state(), torch.get_num_threads()
    run(network(**REGULARISED))
    assert torch.equal(torch.get_rng_state(), before)
    assert torch.get_num_threads() == threads


def counted(sentences: int, seed: int) -> np.ndarray:
    """Return sentences of n zeros, n ones and the end 7; n is 3 or 6."""
    sizes = np.random.default_rng(seed).choice([3, 6], size=sentences)
    return np.concatenate([[0] * n + [1] * n + [7] for n in sizes])


@pytest.mark.parametrize("cell", ["rnn", "lstm", "gru"])
def test_a_loss_does_not_depend_on_how_many_streams_a_text_is_read_in(network, cell):
    params = network(cell=cell, epochs=10, bptt_length=20, fresh_starts=0.05)
    held_out = counted(40, seed=2)
    model, _ = run(params, train_ids=counted(200, seed=1), valid_ids=held_out)
    one, several = (model.token_losses(held_out, streams=n).mean() for n in (1, 16))
    assert 0.05 < one < 0.45
    assert several == pytest.approx(one, rel=0.01)


@pytest.mark.parametrize("batch_size", [1, 5])
def test_validation_reads_as_scoring_does_whatever_the_batch_size(network, batch_size):
    valid, starts = counted(40, seed=2), np.zeros(1, dtype=np.int64)
    params = network(batch_size=batch_size, epochs=1)
    model, record = run(params, train_ids=counted(40, seed=1), valid_ids=valid)
    scored = model.token_losses(valid, document_starts=starts).mean(dtype=np.float64)
    assert record.epochs[0].valid_loss == pytest.approx(scored, rel=1e-6)
