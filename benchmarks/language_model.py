"""wordlab's language model beside a plain nn.LSTM's, trained for the same wall time.

    python benchmarks/language_model.py --corpus FILE [--tokens 1200000] [--vocabulary 10000]
        [--epochs 2] [--threads 2] [--json OUT]

The peer is the word language model that torch.nn invites one to write: 2 x 200 nn.LSTM, full
softmax, batch 20, bptt 35, SGD 20, clip .25, dropout .2, a quarter of the rate after an epoch that
did not help. Ours trains for `epochs` with `published.LANGUAGE_MODEL`, then the peer for as
long, on the same classes, the end of each line among them; both are scored on the last tenth of
the tokens after each epoch of ours. The time for that counts as ours, not as the peer's. Before,
the recurrent layers alone: one training step of 2 x 200, batch 20, bptt 35, ours and torch.nn's in
turn, the best time of many.
"""

import argparse
import json
import lzma
import time
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import harness
import numpy as np
import published

from wordlab import progress
from wordlab.corpus.vocabulary import Vocabulary

WIDTH, LENGTH = (published.LANGUAGE_MODEL[name] for name in ("hidden_size", "bptt_length"))
"""Units per layer and symbols per window: of ours, of the peer and of the step that is timed."""
BATCH = 20
"""Streams, of the peer and of the step that is timed."""
END = "\n"
"""The symbol for the end of a line, which no word contains."""


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--corpus", type=Path, required=True)
    parser.add_argument("--tokens", type=int, default=1_200_000)
    parser.add_argument("--vocabulary", type=int, default=10_000)
    parser.add_argument("--epochs", type=int, default=2)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--json", type=Path, help="where to write the figures")
    parser.add_argument(
        "--rounds", type=int, default=40, help="steps of the layers, of which the best counts"
    )
    asked = parser.parse_args(arguments)
    harness.use_threads(asked.threads)

    import torch

    torch.set_num_threads(asked.threads)
    figures: dict[str, Any] = {"threads": asked.threads, "layers": layer_ratios(asked.rounds)}
    train_ids, valid_ids, vocabulary = read(asked.corpus, asked.tokens, asked.vocabulary)
    ours = alone(train_ours, train_ids, valid_ids, vocabulary, asked.epochs, asked.threads)
    marks = [seconds for seconds, _ in ours["perplexity_by_second"]]
    peer = alone(train_plain, train_ids, valid_ids, vocabulary.classes, marks)
    figures |= {"wordlab": ours, "plain": peer}
    figures["speed_ratio"] = ours["tokens_per_second"] / peer["tokens_per_second"]
    figures["perplexity_ratio"] = ours["perplexity"] / peer["perplexity"]
    harness.write(figures, asked.json)
    print(json.dumps(figures, indent=2))


def alone(function: Callable[..., Any], *arguments: Any) -> Any:
    """Run `function` in a process of its own, so that it measures its own memory."""
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        return pool.submit(function, *arguments).result()


def layer_ratios(rounds: int) -> dict[str, float]:
    """Return how many times as fast as torch.nn's our layers make a training step.

    Cells that torch.nn has not are held against its GRU.
    """
    import torch
    from torch import nn

    from wordlab.params.language import KINDS, CellParams
    from wordlab.recurrent.layers import RecurrentLayers

    inputs, errors = torch.randn(2, LENGTH, BATCH, WIDTH).unbind(0)
    inputs.requires_grad_()
    ratios = {}
    peers = {"rnn": nn.RNN, "lstm": nn.LSTM}
    for kind in KINDS:
        own = getattr(harness.params().language_model, kind)
        cells = CellParams(**own.model_dump(include=set(CellParams.model_fields)))
        contenders = [
            RecurrentLayers(cells, WIDTH, WIDTH, 2, torch.Generator()),
            peers.get(kind, nn.GRU)(WIDTH, WIDTH, 2),
        ]
        best = [float("inf")] * 2
        for _ in range(rounds):
            for number, layers in enumerate(contenders):
                start = time.perf_counter()
                layers(inputs)[0].backward(errors)
                best[number] = min(best[number], time.perf_counter() - start)
                layers.zero_grad(set_to_none=True)
        ratios[kind] = best[1] / best[0]
    return ratios


def read(path: Path, tokens: int, size: int) -> tuple[np.ndarray, np.ndarray, Vocabulary]:
    """Return training and validation text as classes, and the words known by name.

    Ours and the peer read the end of each line as a symbol, one of the `tokens`.
    """
    words: list[str] = []
    with lzma.open(path, "rt") if path.suffix == ".xz" else path.open(encoding="utf-8") as file:
        for line in file:
            if not line.isspace():
                words += [*line.split(), END]
            if len(words) >= tokens:
                break
    words = words[:tokens]
    bound = len(words) * 9 // 10
    counts = Counter(words[:bound])
    del counts[END]
    vocabulary = Vocabulary.build(counts, max_size=size)
    classes = vocabulary.index | {END: vocabulary.end}
    ids = np.array([classes.get(word, vocabulary.unknown) for word in words])
    return ids[:bound], ids[bound:], vocabulary


def train_ours(
    train_ids: np.ndarray, valid_ids: np.ndarray, vocabulary: Vocabulary, epochs: int, threads: int
) -> dict[str, Any]:
    """Train wordlab's model for `epochs` and score it."""
    from wordlab.recurrent import language_model, training

    settings = published.LANGUAGE_MODEL | {"epochs": epochs}
    params = harness.changed(harness.params().language_model.gru, **settings)
    model = language_model.LanguageModel(params, vocabulary, level="word", seed=1)
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
        "peak_mib": progress.peak_mib(),
    }


def train_plain(
    train_ids: np.ndarray, valid_ids: np.ndarray, classes: int, marks: list[float]
) -> dict[str, Any]:
    """Train the plain model and score it after so many seconds as `marks` says, rising."""
    import torch
    from torch import nn
    from torch.nn import functional as F

    torch.manual_seed(1)
    embedding, decoder = nn.Embedding(classes, WIDTH), nn.Linear(WIDTH, classes)
    lstm, drop = nn.LSTM(WIDTH, WIDTH, 2, dropout=0.2), nn.Dropout(0.2)
    nn.init.uniform_(embedding.weight, -0.1, 0.1)
    nn.init.uniform_(decoder.weight, -0.1, 0.1)
    nn.init.zeros_(decoder.bias)
    model = nn.ModuleList([embedding, drop, lstm, decoder])

    def streams(ids: np.ndarray, count: int) -> torch.Tensor:
        length = len(ids) // count
        return torch.from_numpy(ids[: length * count].reshape(count, length).T.copy())

    def loss_of(text: torch.Tensor, start: int, state: Any) -> tuple[torch.Tensor, Any]:
        inputs, targets = text[:-1][start : start + LENGTH], text[1:][start : start + LENGTH]
        hidden, state = lstm(drop(embedding(inputs)), state)
        logits = decoder(drop(hidden))
        return F.cross_entropy(logits.flatten(0, 1), targets.flatten()), state

    def validate() -> float:
        model.eval()
        total, state = 0.0, None
        with torch.no_grad():
            for start in range(0, len(held_out) - 1, LENGTH):
                loss, state = loss_of(held_out, start, state)
                total += float(loss) * min(LENGTH, len(held_out) - 1 - start)
        model.train()
        return total / (len(held_out) - 1)

    text, held_out = streams(train_ids, BATCH), streams(valid_ids, 10)
    rate, best, spent, windows = 20.0, float("inf"), 0.0, 0
    state: Any = None
    starts = range(0, len(text) - 1, LENGTH)
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
        "tokens_per_second": windows * LENGTH * BATCH / spent,
        "perplexity": curve[-1][1],
        "perplexity_by_second": curve,
        "peak_mib": progress.peak_mib(),
    }


if __name__ == "__main__":
    main()
