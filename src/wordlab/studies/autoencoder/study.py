"""The study of autoencoders: what comes back of a sentence through a vector, and at what rate.

Rate and distortion after Shannon 1959: bits of the vector for each character, against what is
wrong in the sentence that comes back. A sentence is sent whole where its errors are corrected: its
symbols are coded with the decoder's probabilities, given the vector and the symbols before, which
costs -log2 p of them (two-part codes, Rissanen 1978).
"""

import math
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import pandas as pd

from wordlab.checkpoints import Checkpoint
from wordlab.params.studies import AutoencoderParams, AutoencoderStudyParams
from wordlab.recurrent.devices import threads
from wordlab.recurrent.language_model import LanguageModel
from wordlab.report.findings import studies as sentences
from wordlab.studies.autoencoder import training
from wordlab.studies.autoencoder.network import Autoencoder
from wordlab.studies.autoencoder.scores import (
    Quantiser,
    as_float16,
    baselines,
    reconstruct,
    text,
    unknown_bits,
)
from wordlab.studies.autoencoder.sequences import SequenceSplits
from wordlab.studies.jobs import Measurements, Outcome, TrialLogger

_EXAMPLES = 5
"""Sentences that are shown as they went in and as they came out."""


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
    torch_threads: int


@dataclass(frozen=True, eq=False)
class AutoencoderStudy:
    """What was measured.

    curves: a row an epoch, see `AutoencoderEpoch`. lengths: scores of the vectors as trained by
    the length of the sentence. rates: a row for each cell, latent_size and precision of the
    vector: bits of a number, rate (bits of the vector), correction and total, in bits a character,
    and the scores. baselines: code, total. models: the autoencoders by cell and latent size.
    examples: pairs of texts by model. sentences: in words.
    """

    curves: pd.DataFrame
    lengths: pd.DataFrame
    rates: pd.DataFrame
    baselines: pd.DataFrame
    models: Mapping[str, Autoencoder]
    examples: Mapping[str, list[tuple[str, str]]]
    sentences: tuple[str, ...]

    def tables(self) -> dict[str, pd.DataFrame]:
        """Return the tables by name."""
        return {
            "curves": self.curves,
            "lengths": self.lengths,
            "rates": self.rates,
            "baselines": self.baselines,
        }

    def metrics(self) -> dict[str, Any]:
        """Return the codes' bits a character, and cell and size -> precision -> numbers."""
        nested: dict[str, Any] = {
            "baselines": dict(self.baselines.to_records(index=False).tolist())
        }
        for row in self.rates.to_dict("records"):
            name = model_name(row.pop("cell"), row.pop("latent_size"))
            precision = row.pop("precision")
            nested.setdefault(name, {})[precision] = {
                key: value for key, value in row.items() if not math.isnan(value)
            }
        return nested

    def example_text(self) -> str:
        """Return the examples as people read them: in and out, a pair a paragraph."""
        return "\n\n".join(
            f"{name}\n{true}\n{own}" for name, pairs in self.examples.items() for true, own in pairs
        )


def model_name(cell: object, latent_size: object) -> str:
    """Return what an autoencoder is called among those of the study."""
    return f"{cell} {latent_size}"


def study(
    sequences: SequenceSplits,
    language_model: LanguageModel,
    params: AutoencoderStudyParams,
    *,
    seed: int,
    torch_threads: int,
    on_trial: TrialLogger,
    checkpoint: Checkpoint,
) -> AutoencoderStudy:
    """Train an autoencoder of each cell and latent size, side by side, and measure each.

    language_model: of characters, what the vectors are held against.
    """
    jobs = [
        Job(params.network(cell, size), seed)
        for cell in params.rates
        for size in params.latent_sizes
    ]
    task = Task(sequences, params, torch_threads)
    measured = Measurements(learn, task, title="autoencoders", checkpoint=checkpoint)
    found = measured.of(jobs)
    frames: dict[str, list[pd.DataFrame]] = {"epochs": [], "lengths": [], "rates": []}
    models: dict[str, Autoencoder] = {}
    examples: dict[str, list[tuple[str, str]]] = {}
    for job, outcome in zip(jobs, found, strict=True):
        own = {"cell": job.params.cell, "latent_size": job.params.latent_size}
        name = model_name(*own.values())
        for kind, parts in frames.items():
            table = pd.DataFrame(outcome.numbers[kind])
            parts.append(pd.concat([pd.DataFrame(own, index=table.index), table], axis=1))
        by_precision = {row["precision"]: row for row in outcome.numbers["rates"]}
        on_trial(name, job.params.model_dump(), {**by_precision, **outcome.tracked})
        models[name] = Autoencoder(job.params, sequences.vocabulary, seed)
        models[name].restore(outcome.arrays)
        examples[name] = [(true, again) for true, again in outcome.numbers["examples"]]
    codes = baselines(sequences.texts["test"], sequences.texts["train"], language_model)
    tables = {kind: pd.concat(parts, ignore_index=True) for kind, parts in frames.items()}
    others = pd.DataFrame({"code": codes.keys(), "total": codes.values()})
    return AutoencoderStudy(
        tables["epochs"],
        tables["lengths"],
        tables["rates"],
        others,
        models,
        examples,
        tuple(sentences.write(tables["rates"], codes, params.unit)),
    )


def learn(job: Job, task: Task) -> Outcome:
    """Train one autoencoder and measure what comes back of the test sequences."""
    params, sequences = job.params, task.sequences
    model = Autoencoder(params, sequences.vocabulary, job.seed)
    started = time.monotonic()
    epochs = training.train(
        model,
        sequences.train,
        sequences.valid,
        params,
        seed=job.seed,
        torch_threads=task.torch_threads,
    )
    seconds = time.monotonic() - started
    with threads(task.torch_threads):
        measured = _measure(model, task, job.seed)
    return Outcome(
        {"epochs": [asdict(epoch) for epoch in epochs], **measured},
        {name: weight.numpy() for name, weight in model.weights().items()},
        {"training_seconds": seconds},
    )


def _measure(model: Autoencoder, task: Task, seed: int) -> dict[str, Any]:
    """Return the rows of the study's tables for one autoencoder, and examples."""
    sequences, texts = task.sequences, task.sequences.texts["test"]
    trained = training.vectors(model, sequences.test)
    quantiser = Quantiser.fitted(training.vectors(model, sequences.train))
    precisions = {"float32": (32, trained), "float16": (16, as_float16(trained))}
    precisions |= {
        f"{bits} bits": (bits, quantiser.rounded(trained, bits)) for bits in task.study.latent_bits
    }
    characters = sum(len(text) for text in texts)
    words = model.params.unit == "words"
    symbols = [[f"{word} " for word in text.split()] if words else text for text in texts]
    unknown = unknown_bits(symbols, _spelt(model))
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
        "examples": [(text(model, true), text(model, own)) for true, own in pairs],
    }


def _spelt(model: Autoencoder) -> frozenset[str]:
    """Return the symbols the model knows, words with the space after them."""
    end = " " if model.params.unit == "words" else ""
    return frozenset(f"{symbol}{end}" for symbol in model.vocabulary.words)
