import threading
import time

import numpy as np
import pytest
import torch
from test_processes import CASES
from test_training import LETTERS, REGULARISED, run, same, text
from test_training_resumed import Cut

from wordlab import checkpoints, rng
from wordlab.checkpoints import Checkpoint
from wordlab.recurrent import devices, shares, training
from wordlab.recurrent.devices import Share
from wordlab.recurrent.language_model import LanguageModel
from wordlab.recurrent.shares import SHARES, Learners

IDS = np.where(np.arange(600) % 9 == 8, 7, text(600))
STARTS = np.array([0, 45, 300]), np.array([0])


@pytest.fixture
def shared(monkeypatch):
    """Let every batch be learnt from in shares, however small."""
    monkeypatch.setattr(shares, "WORTH", 0)


@pytest.mark.parametrize("case", CASES)
def test_shares_end_at_the_model_of_a_whole_batch(network, monkeypatch, case):
    params = network(**REGULARISED | CASES[case])
    whole, record = run(params, train_ids=IDS, document_starts=STARTS)
    monkeypatch.setattr(shares, "WORTH", 0)
    model, shared_record = run(params, train_ids=IDS, document_starts=STARTS)
    assert not same(whole, model)
    for name, weight in whole.weights().items():
        torch.testing.assert_close(model.weights()[name], weight, rtol=1e-3, atol=1e-4)
    for one, other in zip(record.epochs, shared_record.epochs, strict=True):
        assert one.train_loss == pytest.approx(other.train_loss, rel=1e-5)
        assert one.gradient_norm == pytest.approx(other.gradient_norm, rel=1e-4)


def test_one_batch_gives_the_gradients_and_states_of_the_whole(network, shared):
    """Of whose columns the second share has fewer targets, and documents that begin."""
    params = network(**REGULARISED | {"adaptive_cutoffs": [2, 4]})
    model = LanguageModel(params, LETTERS, level="character", seed=1)
    inputs, targets = (torch.from_numpy(text(32, seed).reshape(8, 4)) for seed in (1, 2))
    targets[3:, 2:] = -1
    resets = torch.zeros(8, 4, dtype=torch.bool)
    resets[5, 3] = resets[2, 0] = True
    state = [tuple(map(torch.randn_like, layer)) for layer in model.initial_state(4)]
    learners = Learners(model, Share(0, 4, 4))
    assert len(learners.copies) == SHARES

    def stream():
        return rng.stream(1, "dropout", 0)

    total, expected, after = model.loss(
        inputs, targets, state, stream(), resets=resets, share=Share(0, 4, 4)
    )
    total.backward()
    gradients = {name: weight.grad.clone() for name, weight in model.named_parameters()}
    model.zero_grad(set_to_none=True)
    loss, ends = learners.learn(inputs, targets, state, stream, resets=resets)
    assert float(loss) == pytest.approx(float(expected), rel=1e-6)
    for name, weight in model.named_parameters():
        torch.testing.assert_close(weight.grad, gradients[name], rtol=1e-4, atol=1e-6)
    for layer, ours in zip(after, ends, strict=True):
        for part, own in zip(layer, ours, strict=True):
            torch.testing.assert_close(own, part.detach())
            assert not own.requires_grad


@pytest.mark.parametrize("cutoffs", [[], [2, 4]])
def test_threads_change_no_byte(network, monkeypatch, shared, cutoffs):
    monkeypatch.setattr(devices, "_PART", 1)  # so that threads are left for parts of products
    params = network(cell="lstm", adaptive_cutoffs=cutoffs, **REGULARISED)
    found = []
    for threads in (1, 2, 3, 8):
        monkeypatch.setenv("WORDLAB_THREADS", str(threads))
        found.append(run(params)[0])
    assert all(same(found[0], other) for other in found[1:])


def test_parts_inside_shares_use_all_threads():
    running, most, lock = 0, 0, threading.Lock()

    def part(_):
        nonlocal running, most
        with lock:
            running += 1
            most = max(most, running)
        time.sleep(0.02)
        with lock:
            running -= 1

    with devices.threads(4):
        devices.at_once(lambda _: devices.in_parts(part, 16, 1), range(2))
    assert most == 4


@pytest.mark.parametrize("of_caller", [True, False])
def test_an_error_in_a_part_reaches_the_caller_and_ends_the_rest(of_caller):
    caller, begun, both = threading.get_ident(), [], threading.Barrier(2)

    def part(rows):
        begun.append(rows.start)
        both.wait(5)  # until each of two threads has begun one
        if (threading.get_ident() == caller) == of_caller:
            raise ValueError("no such part")
        time.sleep(0.5)

    with devices.threads(2), pytest.raises(ValueError, match="no such part"):
        devices.in_parts(part, 16, 1)
    assert begun == [0, 1]


def test_resumed_equals_uninterrupted(network, monkeypatch, tmp_path, shared):
    params = network(**REGULARISED)
    model, record = run(params)
    monkeypatch.setattr(checkpoints, "SECONDS", -1.0)
    checkpoint = Checkpoint(tmp_path / "checkpoint")

    def cut(self, save=training._Training.save):
        save(self)
        if self.position.step == 23:
            raise Cut

    with monkeypatch.context() as patch, pytest.raises(Cut):
        patch.setattr(training._Training, "save", cut)
        run(params, checkpoint=checkpoint)
    resumed, resumed_record = run(params, checkpoint=checkpoint)
    assert same(resumed, model)
    assert resumed_record == record


def test_a_small_network_and_an_odd_batch_learn_as_a_whole(network, monkeypatch):
    model = LanguageModel(network(), LETTERS, level="character", seed=1)
    assert Learners(model, Share(0, 4, 4)).copies == [model]
    monkeypatch.setattr(shares, "WORTH", 0)
    assert Learners(model, Share(0, 3, 3)).copies == [model]
    copies = Learners(model, Share(0, 4, 4)).copies
    assert len(copies) == SHARES and model not in copies
    for copied in copies:
        for own, weight in zip(copied.parameters(), model.parameters(), strict=True):
            assert own.data_ptr() == weight.data_ptr()
