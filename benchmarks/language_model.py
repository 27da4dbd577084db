"""wordlab's language model beside a plain nn.LSTM's, trained for the same wall time.

    python benchmarks/language_model.py --corpus FILE [--tokens 1200000] [--vocabulary 10000]
        [--epochs 2] [--threads 2] [--json OUT]

The peer is the word language model that torch.nn invites one to write: 2 x 200 nn.LSTM, full
softmax, batch 20, bptt 35, SGD 20, clip .25, dropout .2, a quarter of the rate after an epoch that
did not help. Ours trains for `epochs` with the settings below, then the peer for as long, on the
same ids; both are scored on the last tenth of the tokens after each epoch of ours. The time for
that counts as ours, not as the peer's. Before, the recurrent layers alone: one training step of
2 x 200, batch 20, bptt 35, ours and torch.nn's in turn, the best time of many.
"""

import argparse
import json
import lzma
import os
import resource
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np

from wordlab.text.vocabulary import Vocabulary

SETTINGS: dict[str, Any] = {
    "cell": "gru",
    "activation": "tanh",
    "gru_reset": "after",
    "forget_bias": 1.0,
    "initialisation": "uniform",
    "cell_backend": "wordlab",
    "embedding": "trained",
    "embedding_size": 200,
    "hidden_size": 200,
    "layers": 1,
    "tied": True,
    "adaptive_cutoffs": [200, 1000, 3000],
    "dropout_input": 0.0,
    "dropout_between": 0.0,
    "dropout_output": 0.0,
    "dropout_recurrent": 0.0,
    "variational": False,
    "activation_penalty": 0.0,
    "temporal_penalty": 0.0,
    "weight_decay": 0.0,
    "optimizer": "adamw",
    "averaging_patience": 5,
    "rate": 0.008,
    "schedule": "cosine",
    "warmup": 0.05,
    "clip_norm": 1.0,
    "clip_value": None,
    "patience": None,
    "batch_size": 64,
    "bptt_length": 35,
    "examples": "streams",
    "carry_state": "always",
    "device": "cpu",
    "precision": "float32",
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--corpus", type=Path, required=True)
    parser.add_argument("--tokens", type=int, default=1_200_000)
    parser.add_argument("--vocabulary", type=int, default=10_000)
    parser.add_argument("--epochs", type=int, default=2)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--json", type=Path, help="where to write the figures")
    asked = parser.parse_args()
    os.environ["OMP_NUM_THREADS"] = str(asked.threads)  # before torch is imported

    import torch

    torch.set_num_threads(asked.threads)
    figures: dict[str, Any] = {"threads": asked.threads, "layers": layer_ratios()}
    train_ids, valid_ids, vocabulary = read(asked.corpus, asked.tokens, asked.vocabulary)
    ours = alone(train_ours, train_ids, valid_ids, vocabulary, asked.epochs, asked.threads)
    marks = [seconds for seconds, _ in ours["perplexity_by_second"]]
    peer = alone(train_plain, train_ids, valid_ids, len(vocabulary) + 2, marks)
    figures |= {"wordlab": ours, "plain": peer}
    figures["speed_ratio"] = ours["tokens_per_second"] / peer["tokens_per_second"]
    figures["perplexity_ratio"] = ours["perplexity"] / peer["perplexity"]
    if asked.json:
        asked.json.write_text(json.dumps(figures, indent=2) + "\n")
    print(json.dumps(figures, indent=2))


def alone(function: Callable[..., Any], *arguments: Any) -> Any:
    """Return what `function` does in a process of its own, for its memory to be told apart."""
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        return pool.submit(function, *arguments).result()


def layer_ratios() -> dict[str, float]:
    """Return how many times as fast as torch.nn's our layers make a training step."""
    import torch
    from torch import nn

    from wordlab.recurrent.layers import CellSettings, RecurrentLayers

    inputs, errors = torch.randn(2, 35, 20, 200).unbind(0)
    inputs.requires_grad_()
    ratios = {}
    for kind, peer in (("rnn", nn.RNN), ("lstm", nn.LSTM), ("gru", nn.GRU)):
        settings = CellSettings(kind, "tanh", "after", 1.0, "uniform")
        contenders = [RecurrentLayers(settings, 200, 200, 2, torch.Generator()), peer(200, 200, 2)]
        best = [float("inf")] * 2
        for _ in range(40):
            for number, layers in enumerate(contenders):
                start = time.perf_counter()
                layers(inputs)[0].backward(errors)
                best[number] = min(best[number], time.perf_counter() - start)
                layers.zero_grad(set_to_none=True)
        ratios[kind] = best[1] / best[0]
    return ratios


def read(path: Path, tokens: int, size: int) -> tuple[np.ndarray, np.ndarray, Vocabulary]:
    """Return training and validation text as ids, and the words known by name."""
    words: list[str] = []
    with lzma.open(path, "rt") if path.suffix == ".xz" else path.open(encoding="utf-8") as file:
        for line in file:
            words += line.split()
            if len(words) >= tokens:
                break
    bound = tokens * 9 // 10
    vocabulary = Vocabulary.build(Counter(words[:bound]), max_size=size)
    ids = np.array([vocabulary.index.get(word, len(vocabulary)) for word in words[:tokens]])
    return ids[:bound], ids[bound:], vocabulary


def train_ours(
    train_ids: np.ndarray, valid_ids: np.ndarray, vocabulary: Vocabulary, epochs: int, threads: int
) -> dict[str, Any]:
    """Train wordlab's model for `epochs` and score it."""
    from wordlab.params.recurrent import NetworkParams
    from wordlab.recurrent import language_model, training

    params = NetworkParams(**SETTINGS, epochs=epochs)
    model = language_model.build(params, vocabulary, level="word", seed=1)
    start, curve = time.perf_counter(), []
    training.train(
        model,
        train_ids,
        valid_ids,
        params,
        seed=1,
        torch_threads=threads,
        on_epoch=lambda _, measured: curve.append(
            (time.perf_counter() - start, measured["valid_perplexity"])
        ),
    )
    return {
        "tokens_per_second": epochs * len(train_ids) / curve[-1][0],
        "perplexity": curve[-1][1],
        "perplexity_by_second": curve,
        "peak_mib": peak(),
    }


def train_plain(
    train_ids: np.ndarray, valid_ids: np.ndarray, classes: int, marks: list[float]
) -> dict[str, Any]:
    """Train the plain model and score it after so many seconds as `marks` says, rising."""
    import torch
    from torch import nn
    from torch.nn import functional as F

    torch.manual_seed(1)
    embedding, drop, decoder = nn.Embedding(classes, 200), nn.Dropout(0.2), nn.Linear(200, classes)
    lstm = nn.LSTM(200, 200, 2, dropout=0.2)
    nn.init.uniform_(embedding.weight, -0.1, 0.1)
    nn.init.uniform_(decoder.weight, -0.1, 0.1)
    nn.init.zeros_(decoder.bias)
    model = nn.ModuleList([embedding, drop, lstm, decoder])

    def streams(ids: np.ndarray, count: int) -> torch.Tensor:
        length = len(ids) // count
        return torch.from_numpy(ids[: length * count].reshape(count, length).T.copy())

    def loss_of(text: torch.Tensor, start: int, state: Any) -> tuple[torch.Tensor, Any]:
        inputs, targets = text[:-1][start : start + 35], text[1:][start : start + 35]
        hidden, state = lstm(drop(embedding(inputs)), state)
        logits = decoder(drop(hidden))
        return F.cross_entropy(logits.flatten(0, 1), targets.flatten()), state

    def validate() -> float:
        model.eval()
        total, state = 0.0, None
        with torch.no_grad():
            for start in range(0, len(held_out) - 1, 35):
                loss, state = loss_of(held_out, start, state)
                total += float(loss) * min(35, len(held_out) - 1 - start)
        model.train()
        return total / (len(held_out) - 1)

    text, held_out = streams(train_ids, 20), streams(valid_ids, 10)
    rate, best, spent, windows = 20.0, float("inf"), 0.0, 0
    state: Any = None
    starts = range(0, len(text) - 1, 35)
    curve: list[tuple[float, float]] = []
    while len(curve) < len(marks):
        if windows and windows % len(starts) == 0:
            loss, state = validate(), None
            rate, best = (rate / 4 if loss > best else rate), min(loss, best)
        begun = time.perf_counter()
        model.zero_grad()
        loss, state = loss_of(text, starts[windows % len(starts)], state)
        state = tuple(part.detach() for part in state)
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 0.25)
        with torch.no_grad():
            for weight in model.parameters():
                weight.add_(weight.grad, alpha=-rate)
        windows += 1
        spent += time.perf_counter() - begun
        if spent >= marks[len(curve)]:
            curve.append((spent, float(np.exp(validate()))))
    return {
        "tokens_per_second": windows * 35 * 20 / spent,
        "perplexity": curve[-1][1],
        "perplexity_by_second": curve,
        "peak_mib": peak(),
    }


def peak() -> float:
    """Return the most memory this process has held so far, in MiB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


if __name__ == "__main__":
    main()
