"""wordlab's language model beside PyTorch's own example of one, on a set of words.

    python benchmarks/language_model.py --set FOLDER --json OUT [--scale standard] [--cell gru]
        [--seeds 1 2 3] [--threads 2] [--change KEY=VALUE ...]
        [--peer-seeds 1] [--peer-epochs 40] [--peer-device cpu]
    python benchmarks/language_model.py --from OUT

Prints tables; --from prints those of figures kept before. FOLDER has train.txt, valid.txt and
test.txt, a sentence per line, as `wiki_1m.py` writes them. Ours trains as `params.yaml` with
scales/SCALE.yaml says, once per seed. The peer follows the settings of the word-level example in
PyTorch's repository: 2 x 200 nn.LSTM, output weights tied to the embedding, full softmax, batch
20, bptt 35, SGD 20, clip .25, dropout .2, a quarter of the rate after an epoch that did not help.
It is left to finish; the figures have its last score, and the best that it had when ours were
done. Both keep the weights of their best epoch by valid.txt; their time is that of training and
validation. First come the recurrent layers alone, one training step of 2 x 200, batch 20, bptt 35,
ours and torch.nn's in turn, the best time of many; then tokens per second of ours on one thread
and on all.

OUT keeps what is done, and the same command goes on from there: with the next seed of ours, or with
the peer's next epoch. `--seeds` without any trains the peer alone, with whatever is at hand, also
on a busy machine or, with `--peer-device cuda`, in minutes: where both are compared, its time is
that of its epochs there, each as long as its first updates say.
"""

import argparse
import hashlib
import json
import re
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Any, NamedTuple

import harness
import numpy as np
import yaml

from wordlab import names, progress
from wordlab.artifacts import read_json
from wordlab.checkpoints import Checkpoint
from wordlab.corpus.vocabulary import Vocabulary

SPLITS = ("train", "valid", "test")
WIDTH, LENGTH, BATCH = 200, 35, 20
"""Units per layer, steps and streams of the peer and of the step that is timed."""
ONE_THREAD = 20_000
"""Tokens from which the speed on one thread and on all is taken."""
PACE = 60
"""Updates from which the time of the peer's epoch is taken."""
PARTS = 6
"""Of the time of ours, at whose ends both are compared."""


class Peer(NamedTuple):
    """How the peer is trained."""

    epochs: int
    seed: int
    threads: int
    device: str
    updates: int | None = None
    """Of an epoch; None for all."""


class Set(NamedTuple):
    """The splits as classes, each its ids (N,) and where documents begin (D,), and their words."""

    train: tuple[np.ndarray, np.ndarray]
    valid: tuple[np.ndarray, np.ndarray]
    test: tuple[np.ndarray, np.ndarray]
    vocabulary: Vocabulary


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument("--set", type=Path)
    source.add_argument("--from", dest="kept", type=Path, help="print the tables of such figures")
    parser.add_argument("--scale", default="standard")
    parser.add_argument("--cell", default="gru")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--change", nargs="*", default=[], help="of the scale's settings of ours")
    parser.add_argument("--seeds", type=int, nargs="*", default=[1], help="of ours")
    parser.add_argument("--peer-seeds", type=int, nargs="+", default=[1])
    parser.add_argument("--peer-epochs", type=int, default=40)
    parser.add_argument("--peer-device", default="cpu", choices=("cpu", "cuda"))
    parser.add_argument("--json", type=Path, help="where to keep the figures")
    parser.add_argument(
        "--rounds", type=int, default=40, help="steps of the layers, of which the best counts"
    )
    asked = parser.parse_args(arguments)
    if asked.kept:
        figures = read_json(asked.kept)
        if "valid_by_minutes" not in figures:
            raise SystemExit(f"{asked.kept}: has not both to compare; --set goes on with them")
        show(figures)
        return
    if asked.json is None:
        parser.error("--set needs --json OUT, where the figures are kept")
    harness.use_threads(asked.threads)

    import torch

    torch.set_num_threads(asked.threads)
    settings = getattr(harness.scaled(asked.scale).language_model, asked.cell)
    pairs = (change.partition("=") for change in asked.change)
    changes = {name: yaml.safe_load(value) for name, _, value in pairs}
    params = harness.changed(settings, **changes)
    kept = Kept(asked.json)
    kept.hold({"set": digests(asked.set)})
    if asked.seeds:
        kept.hold({"processor": harness.processor(), "threads": asked.threads})
        kept.hold({"scale": asked.scale, "params": params.model_dump()})
        kept.add("layers", layer_ratios, asked.rounds)
        short = harness.changed(params, epochs=1, tokens=ONE_THREAD)
        kept.add("speed_of_all_threads_ratio", speed_ratio, asked.set, short, asked.threads)
    for seed in asked.seeds:
        kept.add(f"wordlab_{seed}", alone, train_ours, asked.set, params, seed, asked.threads)
    for seed in asked.peer_seeds:
        name = f"peer_{seed}"
        part = asked.json.with_suffix(f".{name}.safetensors")
        peer = Peer(asked.peer_epochs, seed, asked.threads, asked.peer_device)
        kept.add(name, alone, train_peer, asked.set, peer, part)
        part.unlink(missing_ok=True)
    if asked.seeds:
        pace = Peer(1, 1, asked.threads, "cpu", updates=PACE)
        kept.add("peer_epoch_seconds", peer_epoch_seconds, asked.set, pace)
        kept.figures |= compared(kept.figures)
        harness.write(kept.figures, asked.json)
        show(kept.figures)
    else:
        print(json.dumps(kept.figures, indent=2))


class Kept:
    """Figures in a file of JSON, each measured once."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.figures: dict[str, Any] = read_json(path) if path.exists() else {}

    def hold(self, recipe: dict[str, Any]) -> None:
        """Refuse a file whose figures were measured with another recipe."""
        for name, value in recipe.items():
            found = self.figures.setdefault(name, value)
            pairs = {name: (found, value)}
            if isinstance(value, dict):
                pairs = {f"{name}.{key}": (found.get(key), value[key]) for key in value}
            for place, (before, now) in pairs.items():
                if before != now:
                    raise SystemExit(
                        f"{self.path}: {place}: measured with {before}, not {now}; "
                        "name another file by --json"
                    )

    def add(self, name: str, measure: Callable[..., Any], *arguments: Any) -> None:
        if name not in self.figures:
            self.figures[name] = measure(*arguments)
            harness.write(self.figures, self.path)


def trained(figures: dict[str, Any], name: str) -> list[dict[str, Any]]:
    """Return the figures of each seed of ours, `wordlab`, or of the peer's."""
    return [found for key, found in figures.items() if re.fullmatch(rf"{name}_\d+", key)]


def compared(figures: dict[str, Any]) -> dict[str, Any]:
    """Return what the seeds of ours come to together, and how that compares with the peer's.

    valid_by_minutes: the best perplexity of validation that each had after so many minutes, of
    which an epoch of the peer takes its `peer_epoch_seconds`.
    """
    ours, peers = (trained(figures, name) for name in ("wordlab", "peer"))
    seconds = max(run["seconds"] for run in ours)
    marks = [seconds * part / PARTS for part in range(1, PARTS + 1)]
    curves = [timed(peer, figures["peer_epoch_seconds"]) for peer in peers]
    test, other = (mean(run["test"] for run in runs) for runs in (ours, peers))
    return {
        "wordlab": {
            "test": test,
            "valid": mean(run["valid"] for run in ours),
            "seconds": float(np.mean([run["seconds"] for run in ours])),
        },
        "peer": {
            "test": other,
            "valid": mean(run["valid"] for run in peers),
            "seconds": float(np.mean([curve[-1]["seconds"] for curve in curves])),
        },
        "test_ratio": test / other,
        "valid_by_minutes": [
            {
                "minutes": mark / 60,
                "wordlab": [best_by(run["curve"], mark) for run in ours],
                "peer": [best_by(curve, mark) for curve in curves],
            }
            for mark in marks
        ],
    }


def mean(perplexities: Iterable[float]) -> float:
    """Return the geometric mean of perplexities."""
    return float(np.exp(np.mean(np.log(list(perplexities)))))


def digests(folder: Path) -> dict[str, str]:
    """Return the sha256 of each split in `folder`."""
    texts = {name: (folder / f"{name}.txt").read_bytes() for name in SPLITS}
    return {name: hashlib.sha256(text).hexdigest() for name, text in texts.items()}


def timed(peer: dict[str, Any], epoch_seconds: float) -> list[dict[str, float]]:
    """Return the peer's curve with the seconds that so many epochs take."""
    curve = enumerate(peer["curve"], start=1)
    return [row | {"seconds": number * epoch_seconds} for number, row in curve]


def best_by(curve: list[dict[str, float]], seconds: float) -> float | None:
    """Return the lowest perplexity that a training had after `seconds`, None before its first."""
    return min((row["valid"] for row in curve if row["seconds"] <= seconds), default=None)


def speed_ratio(folder: Path, params: Any, threads: int) -> float:
    """Return how many times as many tokens per second ours learns from on `threads` as on one."""
    one, all_threads = (
        alone(train_ours, folder, params, 1, count)["tokens_per_second"] for count in (1, threads)
    )
    return all_threads / one


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
        given = getattr(harness.params().language_model, kind).model_dump()
        cells = CellParams.model_validate(
            {name: given[name] for name in CellParams.model_fields} | {"gru_reset": "after"}
        )
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


def read(folder: Path) -> Set:
    """Return the splits in `folder`; the end of each line is a symbol."""
    texts = {}
    for name in SPLITS:
        documents = (folder / f"{name}.txt").read_text(encoding="utf-8").split("\n\n")
        lines = [[line.split() for line in text.split("\n") if line] for text in documents]
        texts[name] = [document for document in lines if document]
    counts = Counter(word for text in texts["train"] for line in text for word in line)
    vocabulary = Vocabulary.build(counts, min_count=1)
    classes, unknown, end = vocabulary.index, vocabulary.unknown, vocabulary.end
    splits = []
    for documents in texts.values():
        ids: list[int] = []
        starts = []
        for document in documents:
            starts.append(len(ids))
            for line in document:
                ids += [*(classes.get(word, unknown) for word in line), end]
        splits.append((np.array(ids), np.array(starts)))
    return Set(*splits, vocabulary)


def train_ours(folder: Path, params: Any, seed: int, threads: int) -> dict[str, Any]:
    """Train wordlab's model and score it."""
    from wordlab.recurrent import language_model, training

    harness.use_threads(threads)
    text = read(folder)
    model = language_model.LanguageModel(params, text.vocabulary, level="word", seed=seed)
    start, curve = time.perf_counter(), []

    def note(_: int, measured: Any) -> None:
        perplexities = {split: measured[f"{split}_perplexity"] for split in SPLITS[:2]}
        curve.append({"seconds": time.perf_counter() - start} | perplexities)

    training.train(
        model,
        text.train[0],
        text.valid[0],
        params,
        seed=seed,
        document_starts=(text.train[1], text.valid[1]),
        on_epoch=note,
    )
    seconds = time.perf_counter() - start
    losses = model.token_losses(text.test[0], document_starts=text.test[1])
    tokens = min(params.epochs * len(text.train[0]), params.tokens or np.inf)
    return figures_of(curve, float(losses.mean(dtype=np.float64)), tokens, seconds)


def figures_of(
    curve: list[dict[str, float]], test_loss: float, tokens: float, seconds: float
) -> dict[str, Any]:
    """Return what both are compared by: perplexities, minutes, speed and memory."""
    return {
        "valid": min(row["valid"] for row in curve),
        "test": float(np.exp(test_loss)),
        "seconds": seconds,
        "tokens_per_second": tokens / seconds,
        "peak_mib": progress.peak_mib(),
        "curve": curve,
    }


def peer_epoch_seconds(folder: Path, pace: Peer) -> float:
    """Return how long an epoch of the peer takes, its validation included."""
    with tempfile.TemporaryDirectory() as scratch:
        run = alone(train_peer, folder, pace, Path(scratch) / "peer.safetensors")
    return float(run["curve"][-1]["seconds"])


def train_peer(folder: Path, peer: Peer, kept: Path) -> dict[str, Any]:
    """Train the peer and score it after each epoch; go on from the last one in `kept`.

    With fewer `updates` than an epoch has, its seconds are what all would take.
    """
    harness.use_threads(peer.threads)
    import torch
    from torch import nn
    from torch.nn import functional as F

    from wordlab.recurrent.training import as_arrays, as_tensors

    text = read(folder)
    torch.manual_seed(peer.seed)
    classes = text.vocabulary.classes
    embedding, decoder = nn.Embedding(classes, WIDTH), nn.Linear(WIDTH, classes)
    nn.init.uniform_(embedding.weight, -0.1, 0.1)
    nn.init.zeros_(decoder.bias)
    decoder.weight = embedding.weight
    lstm, drop = nn.LSTM(WIDTH, WIDTH, 2, dropout=0.2), nn.Dropout(0.2)
    model = nn.ModuleList([embedding, drop, lstm, decoder]).to(peer.device)

    def streams(ids: np.ndarray, count: int) -> torch.Tensor:
        length = len(ids) // count
        columns = ids[: length * count].reshape(count, length).T.copy()
        return torch.from_numpy(columns).to(peer.device)

    def windows(ids: torch.Tensor) -> list[slice]:
        return [slice(at, at + LENGTH) for at in range(0, len(ids) - 1, LENGTH)]

    def loss_of(ids: torch.Tensor, part: slice, state: Any) -> tuple[torch.Tensor, Any]:
        inputs, targets = ids[:-1][part], ids[1:][part]
        hidden, state = lstm(drop(embedding(inputs)), state)
        logits = decoder(drop(hidden))
        return F.cross_entropy(logits.flatten(0, 1), targets.flatten()), state

    def evaluate(ids: torch.Tensor) -> float:
        model.eval()
        total, state = 0.0, None
        with torch.no_grad():
            for part in windows(ids):
                loss, state = loss_of(ids, part, state)
                total += float(loss) * len(ids[1:][part])
        model.train()
        return total / (len(ids) - 1)

    train = streams(text.train[0], BATCH)
    valid, test = (streams(ids, 10) for ids, _ in (text.valid, text.test))
    rate, best, curve = 20.0, float("inf"), []
    chosen = {name: each.clone() for name, each in model.state_dict().items()}
    checkpoint = Checkpoint(kept)
    loaded = checkpoint.resume(lambda: list(peer))
    random = torch.cuda if peer.device == "cuda" else torch  # whose numbers dropout draws
    if loaded is not None:
        weights, (rate, best, curve) = loaded[0], loaded[1]["position"]
        model.load_state_dict(as_tensors(weights["last"]))
        chosen = as_tensors(weights["best"])
        random.set_rng_state(as_tensors(weights["random"])["state"])
    start = time.perf_counter() - (curve[-1]["seconds"] if curve else 0)
    every = windows(train)
    for _ in range(len(curve), peer.epochs):
        state: Any = None
        training = time.perf_counter()
        for part in every[: peer.updates]:
            model.zero_grad()
            loss, state = loss_of(train, part, state)
            state = tuple(each.detach() for each in state)
            loss.backward()
            nn.utils.clip_grad_norm_(model.parameters(), 0.25)
            with torch.no_grad():
                for weight in model.parameters():
                    weight.add_(weight.grad, alpha=-rate)
        left = 0.0 if peer.updates is None else len(every) / peer.updates - 1
        start -= (time.perf_counter() - training) * left
        found = evaluate(valid)
        curve.append({"seconds": time.perf_counter() - start, "valid": float(np.exp(found))})
        if found < best:
            best = found
            chosen = {name: each.clone() for name, each in model.state_dict().items()}
        else:
            rate /= 4
        drawn = {"state": random.get_rng_state()}
        groups = {"last": model.state_dict(), "best": chosen, "random": drawn}
        arrays = {name: as_arrays(group) for name, group in groups.items()}
        checkpoint.save(arrays, {"position": [rate, best, curve]})
    model.load_state_dict(chosen)
    tokens, seconds = peer.epochs * train.numel(), curve[-1]["seconds"]
    return figures_of(curve, evaluate(test), tokens, seconds)


def show(figures: dict[str, Any]) -> None:
    """Print both beside each other, and how fast ours learns."""
    print(comparison(figures), speeds(figures), sep="\n\n")


def comparison(figures: dict[str, Any]) -> str:
    """Return what both reach as Markdown tables, the processor above them."""
    params = figures["params"]
    titles = {
        "peer": f"PyTorch's example, LSTM 2 x {WIDTH}",
        "wordlab": f"wordlab, {names.model(params['cell'])} {params['hidden_size']}",
    }
    lines = [
        f"{figures['processor']}, {figures['threads']} threads",
        "",
        "| | seeds | epochs | minutes | validation perplexity | test perplexity "
        "| test, over the peer's |",
        "|---|---|---|---|---|---|---|",
    ]
    for name, title in titles.items():
        together, found = figures[name], trained(figures, name)
        cells = [
            title,
            f"{len(found)}",
            f"{len(found[0]['curve'])}",
            f"{together['seconds'] / 60:.0f}",
            *(between(together[split], [run[split] for run in found]) for split in SPLITS[1:]),
            f"{together['test'] / figures['peer']['test']:.3f}",
        ]
        lines.append(f"| {' | '.join(cells)} |")
    marks = figures["valid_by_minutes"]
    heads = " | ".join(f"{mark['minutes']:.1f}" for mark in marks)
    lines += [
        "",
        f"| validation perplexity after minutes | {heads} |",
        "|---" * (1 + len(marks)) + "|",
    ]
    for name, title in titles.items():
        cells = ["" if None in mark[name] else f"{mean(mark[name]):.1f}" for mark in marks]
        lines.append(f"| {title} | {' | '.join(cells)} |")
    return "\n".join(lines)


def speeds(figures: dict[str, Any]) -> str:
    """Return the speed of ours as Markdown tables: over torch.nn's layers, and with all threads."""
    layers = figures["layers"]
    return "\n".join([
        f"| torch.nn's time over ours | {' | '.join(map(names.model, layers))} |",
        "|---" * (1 + len(layers)) + "|",
        f"| training step | {' | '.join(f'{ratio:.2f}' for ratio in layers.values())} |",
        "",
        f"Tokens per second with {figures['threads']} threads over those with one: "
        f"{figures['speed_of_all_threads_ratio']:.2f}",
    ])  # fmt: skip


def between(together: float, each: list[float]) -> str:
    """Return a perplexity, with the lowest and the highest of several seeds."""
    spread = f" ({min(each):.1f} to {max(each):.1f})" if len(each) > 1 else ""
    return f"{together:.1f}{spread}"


if __name__ == "__main__":
    main()
