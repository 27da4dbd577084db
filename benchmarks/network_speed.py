"""The speed of wordlab's networks: their layers beside torch.nn's, and a model learning.

    python benchmarks/network_speed.py --set FOLDER [--json OUT] [--threads 2] [--scale standard]
        [--cell gru] [--rounds 40] [--runs 2] [--tokens 40000]
    python benchmarks/network_speed.py --from OUT

Prints two tables; --from prints those of figures kept before. First one training step of the layers
alone, 2 x 200, batch 20, bptt 35, ours beside torch.nn's, the fastest of `rounds`, on one thread
and on all. Then the tokens per second that a model of the scale learns from, on one thread and on
all, with the scale's adaptive softmax and with the full one, in float32 and in bfloat16, the first
update and all validation left out. Each is measured in a process of its own, in turn, and the
fastest of `runs` counts. FOLDER is a set as `wiki_1m.py` cuts it.
"""

import argparse
import itertools
import sys
import time
from collections.abc import Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import harness
from word_level import BATCH, LENGTH, SPLITS, WIDTH, read

from wordlab import names
from wordlab.artifacts import read_json

FEW = 500
"""Symbols that a training is validated on, as it has to be on some."""
PRECISIONS = ("float32", "bfloat16")
OUTPUTS = ("adaptive", "full")


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument("--set", type=Path)
    source.add_argument("--from", dest="kept", type=Path, help="print the tables of such figures")
    parser.add_argument("--json", type=Path, help="where to write the figures")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--scale", default="standard")
    parser.add_argument("--cell", default="gru", help="of the model that learns")
    parser.add_argument("--rounds", type=int, default=40, help="steps of the layers")
    parser.add_argument("--runs", type=int, default=2, help="of all of it")
    parser.add_argument("--tokens", type=int, default=40_000, help="of each training")
    asked = parser.parse_args(arguments)
    if asked.kept:
        print(tables(read_json(asked.kept)))
        return
    own = getattr(harness.scaled(asked.scale).language_model, asked.cell)
    if not own.adaptive_cutoffs:
        raise SystemExit(f"--scale {asked.scale}: expected adaptive_cutoffs, has none")
    harness.use_threads(asked.threads)
    counts = sorted({1, asked.threads})
    figures = {
        "processor": harness.processor(),
        "threads": asked.threads,
        "scale": asked.scale,
        "cell": asked.cell,
        "rounds": asked.rounds,
        "runs": asked.runs,
        "tokens": asked.tokens,
        "layers": {str(count): layer_ratios(asked.rounds, asked.runs, count) for count in counts},
        "tokens_per_second": learning(asked, own, counts),
    }
    harness.write(figures, asked.json)
    print(tables(figures))


def layer_ratios(rounds: int, runs: int, threads: int) -> dict[str, float]:
    """Return how many times as fast as torch.nn's our layers make a training step.

    Both on as many threads, each by its own means, and in processes of their own: torch's threads
    wait for work by turning, which would take their core from ours.
    """
    best: dict[str, dict[str, float]] = {"wordlab": {}, "torch": {}}
    for _, (whose, found) in itertools.product(range(runs), best.items()):
        for kind, taken in harness.alone(step_times, whose, rounds, threads).items():
            found[kind] = min(taken, found.get(kind, taken))
    peers = best["torch"]
    return {kind: peers.get(kind, peers["gru"]) / taken for kind, taken in best["wordlab"].items()}


def step_times(whose: str, rounds: int, threads: int) -> dict[str, float]:
    """Return the seconds of the fastest step of each kind of layers, `wordlab` or `torch`."""
    harness.use_threads(threads)
    import torch
    from torch import nn

    from wordlab.params.language import KINDS, CellParams
    from wordlab.recurrent import devices
    from wordlab.recurrent.layers import RecurrentLayers

    torch.set_num_threads(threads)
    inputs, errors = torch.randn(2, LENGTH, BATCH, WIDTH).unbind(0)
    inputs.requires_grad_()
    peers = {"rnn": nn.RNN, "lstm": nn.LSTM, "gru": nn.GRU}
    found = {}
    for kind in peers if whose == "torch" else KINDS:
        if whose == "torch":
            layers: Any = peers[kind](WIDTH, WIDTH, 2)
        else:
            given = getattr(harness.params().language_model, kind).model_dump()
            cells = CellParams.model_validate(
                {name: given[name] for name in CellParams.model_fields} | {"gru_reset": "after"}
            )
            layers = RecurrentLayers(cells, WIDTH, WIDTH, 2, torch.Generator())
        with devices.threads(threads) if whose == "wordlab" else nullcontext():
            found[kind] = min(step_seconds(layers, inputs, errors) for _ in range(rounds))
    return found


def step_seconds(layers: Any, inputs: Any, errors: Any) -> float:
    """Return how long one pass forwards and backwards takes."""
    start = time.perf_counter()
    layers(inputs)[0].backward(errors)
    taken = time.perf_counter() - start
    layers.zero_grad(set_to_none=True)
    return taken


def learning(asked: argparse.Namespace, own: Any, counts: list[int]) -> dict[str, dict[str, float]]:
    """Return tokens per second: of each output and number of threads, by precision."""
    found: dict[str, dict[str, float]] = {}
    for _ in range(asked.runs):
        for output, count, precision in itertools.product(OUTPUTS, counts, PRECISIONS):
            changes = {} if output == "adaptive" else {"adaptive_cutoffs": []}
            params = harness.changed(
                own, epochs=1, tokens=asked.tokens, precision=precision, **changes
            )
            speed = harness.alone(learning_speed, asked.set, params, count)
            row = found.setdefault(f"{output}_{count}", {})
            row[precision] = max(speed, row.get(precision, 0.0))
    return found


def learning_speed(folder: Path, params: Any, threads: int) -> float:
    """Return the tokens per second that a model learns from, after its first update."""
    harness.use_threads(threads)
    from wordlab.recurrent import language_model, training

    text, pace = read(folder), Pace()
    model = language_model.LanguageModel(params, text.vocabulary, level="word", seed=1)
    (train, _), (valid, _) = map(text.symbols, SPLITS[:2])
    training.train(model, train, valid[:FEW], params, seed=1, watcher=pace)
    times, symbols = zip(*pace.updates, strict=True)
    return sum(symbols[1:]) / (times[-1] - times[0])


class Pace:
    """Follows a training: when each update ended, and of how many symbols it was."""

    interval = sys.maxsize  # no held-out loss on the way

    def __init__(self) -> None:
        self.updates: list[tuple[float, int]] = []

    def updated(self, update: Any) -> None:
        self.updates.append((time.perf_counter(), update.symbols))

    def validated(self, step: int, mark: int, loss: float) -> None:
        raise AssertionError("no loss was asked for")


def tables(figures: dict[str, Any]) -> str:
    """Return both as Markdown tables, the processor above them."""
    kinds = list(next(iter(figures["layers"].values())))
    lines = [
        figures["processor"],
        "",
        f"| torch.nn's time over ours | {' | '.join(map(names.model, kinds))} |",
        "|---" * (1 + len(kinds)) + "|",
    ]
    for count, ratios in figures["layers"].items():
        cells = " | ".join(f"{ratios[kind]:.2f}" for kind in kinds)
        lines.append(f"| {threads(count)} | {cells} |")
    speeds = figures["tokens_per_second"]
    lines += [
        "",
        f"| {names.model(figures['cell'])}, thousands of tokens per second "
        f"| {' | '.join(PRECISIONS)} |",
        "|---" * (1 + len(PRECISIONS)) + "|",
    ]
    for name, row in speeds.items():
        output, _, count = name.partition("_")
        cells = " | ".join(f"{row[precision] / 1000:.1f}" for precision in PRECISIONS)
        lines.append(f"| {output} softmax, {threads(count)} | {cells} |")
    return "\n".join(lines)


def threads(count: str) -> str:
    """Return a number of threads in words."""
    return "1 thread" if count == "1" else f"{count} threads"


if __name__ == "__main__":
    main()
