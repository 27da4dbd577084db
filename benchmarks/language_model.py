"""wordlab's language model beside PyTorch's own example of one, on a set of words.

    python benchmarks/language_model.py --set FOLDER --json OUT [--scale standard] [--cell gru]
        [--seeds 1 2 3] [--threads 2] [--change KEY=VALUE ...]
        [--peer-seeds 1] [--peer-epochs 40] [--peer-device cpu]
    python benchmarks/language_model.py --from OUT

Prints tables; --from prints those of figures kept before. FOLDER has train.txt, valid.txt and
test.txt, a sentence per line, as `wiki_1m.py` writes them. Ours trains as `params.yaml` with
scales/SCALE.yaml says, once per seed; of several seeds, the mean of their probabilities is scored
too, in as much time as all of them took. The peer (`word_level.py`) is left to finish; the figures
have its last score, and the best that it had when ours were done. Both keep the weights of their
best epoch by valid.txt; their time is that of training and validation.

OUT keeps what is done, files beside it the losses of each seed's symbols, and the same command goes
on from there: with the next seed of ours, or with the peer's next epoch. `--seeds` without any
trains the peer alone, with whatever is at hand, also on a busy machine or, with `--peer-device
cuda`, in minutes: where both are compared, its time is that of its epochs there, each as long as
its first updates say, or as the fastest of those that it trained on the processor.
"""

import argparse
import json
import re
import tempfile
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import harness
import numpy as np
import yaml
from scipy.special import logsumexp
from word_level import SPLITS, WIDTH, Peer, digests, figures_of, read, train_peer

from wordlab import names
from wordlab.artifacts import read_json, replacing

PACE = 60
"""Updates from which the time of the peer's epoch is taken."""
PARTS = 6
"""Of the time of ours, at whose ends both are compared."""


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
    asked = parser.parse_args(arguments)
    if asked.kept:
        figures = read_json(asked.kept)
        if "valid_by_minutes" not in figures:
            raise SystemExit(f"{asked.kept}: has not both to compare; --set goes on with them")
        print(comparison(figures))
        return
    if asked.json is None:
        parser.error("--set needs --json OUT, where the figures are kept")
    harness.use_threads(asked.threads)

    import torch

    torch.set_num_threads(asked.threads)
    scale = harness.scaled(asked.scale)
    words = start_of(scale)
    pairs = (change.partition("=") for change in asked.change)
    changes = {name: yaml.safe_load(value) for name, _, value in pairs}
    params = harness.changed(getattr(scale.language_model, asked.cell), **changes)
    kept = Kept(asked.json)
    kept.hold({"set": digests(asked.set)})
    if asked.seeds:
        kept.hold({"processor": harness.processor(), "threads": asked.threads})
        start = None if words is None else words[1].model_dump()
        kept.hold({"scale": asked.scale, "params": params.model_dump() | {"words": start}})
    for seed in asked.seeds:
        losses = losses_of(asked.json, seed)
        kept.add(
            f"wordlab_{seed}", harness.alone, train_ours, asked.set, params, words, seed,
            asked.threads, losses,
        )  # fmt: skip
    kept.hold({"epochs_of_peer": asked.peer_epochs})
    for seed in asked.peer_seeds:
        name = f"peer_{seed}"
        part = asked.json.with_suffix(f".{name}.safetensors")
        peer = Peer(asked.peer_epochs, seed, asked.threads, asked.peer_device)
        kept.add(name, harness.alone, train_peer, asked.set, peer, part)
        part.unlink(missing_ok=True)
    if asked.seeds:
        pace = Peer(1, 1, asked.threads, "cpu", updates=PACE)
        slow = trained(kept.figures, "peer") if asked.peer_device == "cpu" else []
        kept.add("peer_epoch_seconds", peer_epoch_seconds, asked.set, pace, slow)
        kept.figures |= compared(kept.figures)
        kept.figures |= ensemble(asked.json, kept.figures)
        harness.write(kept.figures, asked.json)
        print(comparison(kept.figures))
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


def losses_of(kept: Path, seed: int) -> Path:
    """Return where the losses of a seed's symbols are kept, beside the figures."""
    return kept.with_suffix(f".wordlab_{seed}.npz")


def ensemble(kept: Path, figures: dict[str, Any]) -> dict[str, Any]:
    """Return what the mean of all seeds' probabilities reaches, and in how much time: `ensemble`.

    None of it where there is one seed, or where the losses of one are no longer beside `kept`.
    """
    seeds = [key.partition("_")[2] for key in figures if re.fullmatch(r"wordlab_\d+", key)]
    places = [losses_of(kept, int(seed)) for seed in seeds]
    if len(places) < 2 or not all(place.exists() for place in places):
        return {"ensemble": None}
    found = {"seconds": sum(run["seconds"] for run in trained(figures, "wordlab"))}
    for split in SPLITS[1:]:
        each = np.stack([np.load(place)[split] for place in places]).astype(np.float64)
        losses = np.log(len(places)) - logsumexp(-each, axis=0)
        found[split] = float(np.exp(losses.mean()))
    return {"ensemble": found}


def mean(perplexities: Iterable[float]) -> float:
    """Return the geometric mean of perplexities."""
    return float(np.exp(np.mean(np.log(list(perplexities)))))


def timed(peer: dict[str, Any], epoch_seconds: float) -> list[dict[str, float]]:
    """Return the peer's curve with the seconds that so many epochs take."""
    curve = enumerate(peer["curve"], start=1)
    return [row | {"seconds": number * epoch_seconds} for number, row in curve]


def best_by(curve: list[dict[str, float]], seconds: float) -> float | None:
    """Return the lowest perplexity that a training had after `seconds`, None before its first."""
    return min((row["valid"] for row in curve if row["seconds"] <= seconds), default=None)


def peer_epoch_seconds(folder: Path, pace: Peer, trained: Sequence[dict[str, Any]]) -> float:
    """Return how long an epoch of the peer takes, its validation included: by its first updates, or
    the fastest of those `trained` here, on a machine that may have been busy."""
    with tempfile.TemporaryDirectory() as scratch:
        run = harness.alone(train_peer, folder, pace, Path(scratch) / "peer.safetensors")
    return min([float(run["curve"][-1]["seconds"]), *map(fastest, trained)])


def fastest(peer: dict[str, Any]) -> float:
    """Return the seconds of the shortest epoch of a training."""
    return float(np.diff([0.0, *(row["seconds"] for row in peer["curve"])]).min())


def train_ours(
    folder: Path,
    params: Any,
    words: tuple[str, Any] | None,
    seed: int,
    threads: int,
    kept: Path | None,
) -> dict[str, Any]:
    """Train wordlab's model and score it.

    words: kind and settings of the word vectors that it starts from; their time counts. kept: where
    to write the losses of the symbols of both held-out splits.
    """
    harness.use_threads(threads)
    from wordlab.embeddings.word2vec import training as word2vec
    from wordlab.recurrent import language_model, training

    text = read(folder)
    model = language_model.LanguageModel(params, text.vocabulary, level="word", seed=seed)
    (train, train_starts), (valid, valid_starts), (test, test_starts) = map(text.symbols, SPLITS)
    start, curve = time.perf_counter(), []
    if words is not None:
        kind, settings = words
        vectors = word2vec.train(
            text.train, text.vocabulary, settings, architecture=kind, seed=seed, threads=threads
        )
        language_model.start_from(model, vectors.matrix, source=kind)

    def note(_: int, measured: Any) -> None:
        perplexities = {split: measured[f"{split}_perplexity"] for split in SPLITS[:2]}
        curve.append({"seconds": time.perf_counter() - start} | perplexities)

    training.train(
        model, train, valid, params, seed=seed, document_starts=(train_starts, valid_starts),
        on_epoch=note,
    )  # fmt: skip
    seconds = time.perf_counter() - start
    losses = model.token_losses(test, document_starts=test_starts)
    if kept is not None:
        of_valid = model.token_losses(valid, document_starts=valid_starts)
        with replacing(kept) as partial, partial.open("wb") as file:
            np.savez(file, valid=of_valid, test=losses)
    tokens = min(len(curve) * len(train), params.tokens or np.inf)
    return figures_of(curve, float(losses.mean(dtype=np.float64)), tokens, seconds)


def start_of(scale: Any) -> tuple[str, Any] | None:
    """Return kind and settings of the word vectors that a scale's models start from, if any."""
    kind = Path(scale.language_model.words).stem
    if kind == "vocabulary":
        return None
    if kind not in ("cbow", "skipgram"):
        raise SystemExit(f"language_model.words: expected vectors of word2vec, got {kind}")
    return kind, getattr(scale.word2vec, kind)


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
    rows = [(title, figures[name], trained(figures, name)) for name, title in titles.items()]
    if together := figures.get("ensemble"):
        rows.append((f"{titles['wordlab']}, mean of probabilities", together, rows[-1][2]))
    for title, reached, runs in rows:
        each = [] if reached is together else runs
        cells = [
            title,
            f"{len(runs)}",
            f"{len(runs[0]['curve'])}",
            f"{reached['seconds'] / 60:.0f}",
            *(between(reached[split], [run[split] for run in each]) for split in SPLITS[1:]),
            f"{reached['test'] / figures['peer']['test']:.3f}",
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


def between(together: float, each: list[float]) -> str:
    """Return a perplexity, with the lowest and the highest of several seeds."""
    spread = f" ({min(each):.1f} to {max(each):.1f})" if len(each) > 1 else ""
    return f"{together:.1f}{spread}"


if __name__ == "__main__":
    main()
