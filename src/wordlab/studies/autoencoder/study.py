"""The study of autoencoders: what comes back of a sequence through a vector, and at what rate.

Rate and distortion after Shannon 1959: bits of the vector for each character, against what is
wrong in the sequence that comes back. A sequence is sent whole where its errors are corrected: its
symbols are coded with the decoder's probabilities, given the vector and the symbols before, which
costs -log2 p of them (two-part codes, Rissanen 1978).
"""

import math
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import pandas as pd

from wordlab import rng
from wordlab.artifacts import Result, nested
from wordlab.checkpoints import Checkpoint
from wordlab.corpus.vocabulary import Vocabulary
from wordlab.errors import UserError
from wordlab.params.language import CELLS, Kind
from wordlab.params.studies import AutoencoderParams, AutoencoderStudyParams, SequenceParams
from wordlab.progress import require_memory
from wordlab.recurrent.devices import threads
from wordlab.recurrent.language_model import LanguageModel
from wordlab.recurrent.sizes import BYTES
from wordlab.studies.autoencoder.network import Autoencoder, Symbols, train, vectors
from wordlab.studies.autoencoder.scores import baselines, quantised, reconstruct, text, unknown_bits
from wordlab.trials.runner import Measurements, Outcome, TrialLogger

_EXAMPLES = 5
"""Sequences that are shown as they went in and as they came out."""


def symbols_of(lines: Sequence[str], params: SequenceParams) -> list[tuple[str, ...]]:
    """Return the different sequences of symbols in sentences, in order of their first place.

    Sentences that are too long are skipped or cut, as `params` says.
    """
    kept: dict[tuple[str, ...], None] = {}
    for line in lines:
        words = params.unit == "words"
        symbols = tuple(line.split()) if words else tuple(line)
        if len(symbols) > params.max_length:
            if params.long_sentences == "skip":
                continue
            symbols = symbols[: params.max_length] if words else _whole_words(line, params)
        if symbols:
            kept[symbols] = None
    return list(kept)


def _whole_words(line: str, params: SequenceParams) -> tuple[str, ...]:
    beginning = line[: params.max_length + 1]
    cut = beginning.rfind(" ")
    return tuple(line[: cut if cut > 0 else params.max_length])


@dataclass(frozen=True, eq=False)
class SequenceSplits:
    """Sequences to learn from, to watch over the training, and to be scored on; all different.

    texts: those of `train` and `test` as they are in the text, by the split's name.
    """

    vocabulary: Vocabulary
    train: list[Symbols]
    valid: list[Symbols]
    test: list[Symbols]
    texts: Mapping[str, list[str]]


def sequence_splits(
    splits: Mapping[str, Sequence[str]], params: SequenceParams, *, seed: int
) -> SequenceSplits:
    """Return the sentences of the splits train, valid and test as sequences of classes.

    The symbols are those of the training sequences; no sequence is in two splits. Raises
    UserError if a split has none.
    """
    seen: set[tuple[str, ...]] = set()
    chosen: dict[str, list[tuple[str, ...]]] = {}
    for name, lines in splits.items():
        fresh = [symbols for symbols in symbols_of(lines, params) if symbols not in seen]
        seen.update(fresh)
        most = params.train_sequences if name == "train" else params.test_sequences
        if not fresh:
            raise UserError(
                f"autoencoder.max_length: no sentence of the {name} split has at most "
                f"{params.max_length} {params.unit} and is new; expected a higher value, or "
                "autoencoder.long_sentences: cut"
            )
        order = rng.stream(seed, "autoencoder sequences", name).permutation(len(fresh))
        chosen[name] = [fresh[place] for place in np.sort(order[:most])]
    counts = Counter(symbol for symbols in chosen["train"] for symbol in symbols)
    vocabulary = Vocabulary.build(counts, min_count=params.min_count, section="autoencoder")
    index, unknown = vocabulary.index, vocabulary.unknown
    encoded = {
        name: [np.array([index.get(s, unknown) for s in symbols], np.int64) for symbols in rows]
        for name, rows in chosen.items()
    }
    between = " " if params.unit == "words" else ""
    texts = {name: [between.join(row) for row in chosen[name]] for name in ("train", "test")}
    return SequenceSplits(vocabulary, encoded["train"], encoded["valid"], encoded["test"], texts)


def network(params: AutoencoderStudyParams, cell: Kind, latent_size: int) -> AutoencoderParams:
    """Return the settings of one autoencoder of the study."""
    shared = params.model_dump(include=set(SequenceParams.model_fields))
    own = {"cell": cell, "latent_size": latent_size, "rate": params.rates[cell]}
    return AutoencoderParams.model_validate(shared | own)


def require_room(params: AutoencoderParams, sequences: SequenceSplits) -> None:
    """Raise UserError, naming the param, unless an autoencoder, and the states of a batch, have
    room in memory. Of its weights the least that any cell has are counted."""
    hidden, classes = float(params.hidden_size), sequences.vocabulary.classes
    across = hidden if params.cell in CELLS else 0.0  # other cells may have no recurrent weights
    batch = min(params.batch_size, len(sequences.train)) * max(map(len, sequences.train))
    for numbers, param in (
        (float(classes) * params.embedding_size, "embedding_size"),
        (hidden * (across + params.embedding_size + classes), "hidden_size"),
        (hidden * params.latent_size, "latent_sizes"),
        (hidden * batch, "batch_size"),
    ):
        require_memory(BYTES * numbers, f"autoencoder.{param}")


@dataclass(frozen=True)
class Job:
    """An autoencoder to train."""

    params: AutoencoderParams
    seed: int


@dataclass(frozen=True, eq=False)
class Task:
    """What all jobs share."""

    sequences: SequenceSplits
    study: AutoencoderStudyParams


@dataclass(frozen=True, eq=False)
class AutoencoderStudy(Result):
    """The result of `study`.

    models: the autoencoders by cell and latent size, `gru 8`.
    """

    models: Mapping[str, Autoencoder]


def study(
    sequences: SequenceSplits,
    language_model: LanguageModel,
    params: AutoencoderStudyParams,
    *,
    seed: int,
    on_trial: TrialLogger,
    checkpoint: Checkpoint,
) -> AutoencoderStudy:
    """Train an autoencoder of each cell and latent size, side by side, and measure each.

    language_model: of characters, what the vectors are held against. Tables:

    - curves: cell, latent_size, and one row per `AutoencoderEpoch`;
    - lengths: scores of the vectors as trained, by the length of the sequence;
    - rates: one row per cell, latent_size and precision of the vector: bits of a number; rate (bits
      of the vector), correction and total, in bits per character; the scores;
    - baselines: code, total in bits per character;
    - examples: cell, latent_size, original, restored: some held-out sequences and what came back.
    """
    jobs = [
        Job(network(params, cell, size), seed)
        for cell in params.rates
        for size in params.latent_sizes[cell]
    ]
    for job in jobs:
        require_room(job.params, sequences)
    task = Task(sequences, params)
    measured = Measurements(learn, task, title="autoencoders", checkpoint=checkpoint, resumed=True)
    rows: dict[str, list[dict[str, Any]]] = {
        kind: [] for kind in ("curves", "lengths", "rates", "examples")
    }
    models: dict[str, Autoencoder] = {}
    for job, outcome in zip(jobs, measured.of(jobs), strict=True):
        own = {"cell": job.params.cell, "latent_size": job.params.latent_size}
        name = " ".join(map(str, own.values()))
        for kind, found in rows.items():
            found += [{**own, **row} for row in outcome.numbers[kind]]
        by_precision = {row["precision"]: row for row in outcome.numbers["rates"]}
        on_trial(name, job.params.model_dump(), {**by_precision, **outcome.tracked})
        models[name] = Autoencoder(job.params, sequences.vocabulary, seed)
        models[name].restore(outcome.arrays)
    with threads():
        codes = baselines(sequences.texts["test"], sequences.texts["train"], language_model)
    tables = {kind: pd.DataFrame(found) for kind, found in rows.items()}
    tables["baselines"] = pd.DataFrame({"code": codes.keys(), "total": codes.values()})
    rates = tables["rates"]
    names = rates["cell"] + " " + rates["latent_size"].astype(str)
    named = rates.drop(columns=["cell", "latent_size"]).assign(model=names)
    metrics = {"baselines": codes, **nested(named, ["model", "precision"])}
    return AutoencoderStudy(tables, metrics, models)


def learn(job: Job, task: Task, checkpoint: Checkpoint) -> Outcome:
    """Train one autoencoder and measure what comes back of the test sequences.

    Resumes from the `checkpoint` of a training that was cut off.
    """
    params, sequences = job.params, task.sequences
    model = Autoencoder(params, sequences.vocabulary, job.seed)
    started = time.monotonic()
    epochs = train(
        model,
        sequences.train,
        sequences.valid,
        params,
        seed=job.seed,
        checkpoint=checkpoint,
    )
    seconds = time.monotonic() - started
    with threads():
        measured = _measure(model, task, job.seed)
    return Outcome(
        {"curves": [asdict(epoch) for epoch in epochs], **measured},
        {name: weight.numpy() for name, weight in model.weights().items()},
        {"training_seconds": seconds},
    )


def _measure(model: Autoencoder, task: Task, seed: int) -> dict[str, Any]:
    """Return the rows of the study's tables for one autoencoder, and examples."""
    sequences, texts = task.sequences, task.sequences.texts["test"]
    trained = vectors(model, sequences.test)
    learnt = vectors(model, sequences.train)
    precisions = {"float32": (32, trained), "float16": (16, trained.half().float())}
    precisions |= {
        f"{bits} bits": (bits, quantised(trained, bits, learnt)) for bits in task.study.latent_bits
    }
    characters = sum(len(text) for text in texts)
    split, end = (str.split, " ") if model.params.unit == "words" else (list, "")
    unknown = unknown_bits(
        [[f"{symbol}{end}" for symbol in split(text)] for text in texts],
        {f"{symbol}{end}" for symbol in model.vocabulary.words},
    )
    rows, whole = [], None
    for name, (bits, latent) in precisions.items():
        found = reconstruct(model, sequences.test, latent)
        whole = whole or found
        rate = bits * latent.numel() / characters
        correction = (found.loss / math.log(2) + unknown) / characters
        scores = found.scores() | (found.intervals(seed=seed) if name == "float32" else {})
        costs = {"rate": rate, "correction": correction, "total": rate + correction}
        rows.append({"precision": name, "bits": bits, **costs, **scores})
    assert whole is not None
    by_length = whole.by_length(task.study.length_bins, model.params.max_length)
    pairs = zip(whole.true[:_EXAMPLES], whole.own[:_EXAMPLES], strict=True)
    return {
        "rates": rows,
        "lengths": by_length.to_dict("records"),
        "examples": [
            {"original": text(model, true), "restored": text(model, own)} for true, own in pairs
        ],
    }
