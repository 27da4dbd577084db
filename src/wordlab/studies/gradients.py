"""The study of gradients over long sequences: how far they reach, what clipping changes.

Answers three questions for each cell: where the gradient vanishes or explodes, what clipping does
to a training with long steps, and over how long a delay the adding task is learnt.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from wordlab import progress, rng
from wordlab.errors import UserError
from wordlab.params.studies import GradientStudyParams
from wordlab.recurrent import adding, gradients
from wordlab.recurrent.language_model import LanguageModel
from wordlab.recurrent.layers import CellSettings
from wordlab.recurrent.threads import threads
from wordlab.recurrent.training import DivergedError, train
from wordlab.studies import gradient_sentences as sentences
from wordlab.studies.statistics import median_interval

TrialLogger = Callable[[str, Mapping[str, Any], Mapping[str, Any]], None]
"""Receives the name of a setting, its params and what was measured of it."""


@dataclass(frozen=True, eq=False)
class GradientStudy:
    """What was measured.

    lags: columns cell, part (state, hidden, memory), weights (untrained, trained), length, lag,
    norm, low, high: median and middle half over sequences, relative to the whole state's at lag
    0. clipping: a row a training; adding: columns cell, delay, error. numbers: the same,
    nested; sentences: in words.
    """

    lags: pd.DataFrame
    clipping: pd.DataFrame
    adding: pd.DataFrame
    numbers: Mapping[str, Any]
    sentences: tuple[str, ...]

    def tables(self) -> dict[str, pd.DataFrame]:
        """Return the tables by name."""
        return {"lags": self.lags, "clipping": self.clipping, "adding": self.adding}

    def metrics(self) -> Mapping[str, Any]:
        """Return the numbers, nested."""
        return self.numbers


def study(
    models: Mapping[str, LanguageModel],
    train_ids: NDArray[np.int64],
    valid_ids: NDArray[np.int64],
    params: GradientStudyParams,
    *,
    seed: int,
    torch_threads: int,
    on_trial: TrialLogger,
) -> GradientStudy:
    """Return the study of trained `models`, by cell; the ids are classes of all of them.

    Raises UserError if the models differ in their vocabulary, or if the validation split is
    shorter than the longest sequences.
    """
    if len({model.vocabulary.words for model in models.values()}) > 1:
        raise UserError(
            "language_model: the study of gradients needs models of the same words; expected the "
            "same vocabulary_size for rnn, lstm and gru"
        )
    works = len(models) * (2 + len(params.clipping.thresholds) + len(params.adding.delays))
    with threads(torch_threads), progress.bar(works, "gradient study", "setting") as bar:
        lags, reach = _lags(models, valid_ids, params, seed, on_trial, bar.update)
        clipping = _clipping(
            models, train_ids, valid_ids, params, seed, torch_threads, on_trial, bar.update
        )
        answers = _adding(models, params, seed, torch_threads, on_trial, bar.update)
    numbers = {
        "reach": reach,
        "clipping": _nested(clipping, ["cell", "clip_norm"]),
        "adding": _nested(answers, ["cell", "delay"]),
    }
    said = [
        *sentences.reach(reach, max(params.lengths), params.confidence),
        *sentences.clipping(clipping),
        *sentences.adding(answers),
    ]
    return GradientStudy(lags, clipping, answers, numbers, tuple(said))


def _lags(
    models: Mapping[str, LanguageModel],
    ids: NDArray[np.int64],
    params: GradientStudyParams,
    seed: int,
    on_trial: TrialLogger,
    on_done: Callable[[float], object],
) -> tuple[pd.DataFrame, dict[str, Any]]:
    """Measure gradients by lag of each model before and after its training."""
    longest = max(params.lengths)
    if len(ids) <= longest:
        raise UserError(
            f"gradient_study.lengths: a sequence of {longest} symbols needs more validation text "
            f"than {len(ids)} symbols; expected shorter sequences"
        )
    tables: list[pd.DataFrame] = []
    reach: dict[str, Any] = {}
    for cell, trained in models.items():
        fresh = LanguageModel(trained.params, trained.vocabulary, trained.level, seed)
        for weights, model in (("untrained", fresh), ("trained", trained)):
            measured: dict[str, Any] = {}
            for length in params.lengths:
                inputs, targets = _sequences(ids, length, params.sequences, seed)
                norms = gradients.gradient_by_lag(model, inputs, targets)
                tables += [
                    _lag_table(table / norms["state"][0], cell, part, weights, length)
                    for part, table in norms.items()
                ]
                measured[f"length {length}"] = _reach(norms["state"], params.confidence, seed)
            inputs, _ = _sequences(ids, longest, params.sequences, seed)
            random = rng.stream(seed, "jacobian states", cell)
            radii = gradients.spectral_radii(model, inputs, params.jacobian_states, random)
            middle, low, high = median_interval(radii, params.confidence, random)
            measured["spectral_radius"] = {"median": middle, "low": low, "high": high,
                                           "greatest": float(radii.max())}  # fmt: skip
            reach.setdefault(cell, {})[weights] = measured
            settings = {"cell": cell, "weights": weights}
            on_trial(f"gradients {cell} {weights}", settings, measured)
            on_done(1)
    return pd.concat(tables, ignore_index=True), reach


def _sequences(
    ids: NDArray[np.int64], length: int, count: int, seed: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return `count` stretches of the text (T, B), and what follows each (B,)."""
    random = rng.stream(seed, "gradient sequences", length)
    starts = random.integers(0, len(ids) - length, size=count)
    return ids[starts + np.arange(length)[:, None]], ids[starts + length]


def _lag_table(
    ratios: NDArray[np.float64], cell: str, part: str, weights: str, length: int
) -> pd.DataFrame:
    low, middle, high = np.quantile(ratios, [0.25, 0.5, 0.75], axis=1)
    columns = {"cell": cell, "part": part, "weights": weights, "length": length}
    numbers = {"lag": np.arange(length), "norm": middle, "low": low, "high": high}
    return pd.DataFrame({**columns, **numbers})


def _reach(norms: NDArray[np.float64], confidence: float, seed: int) -> dict[str, float]:
    """Return after how many steps a gradient has faded out, and the most it ever grows to.

    norms: (T, B) by lag. A gradient that does not fade out counts as T steps.
    """
    ratios = norms / norms[0]
    faded = ratios < sentences.FADED
    steps = np.where(faded.any(axis=0), faded.argmax(axis=0), len(ratios)).astype(np.float64)
    random = rng.stream(seed, "reach", len(ratios))
    middle, low, high = median_interval(steps, confidence, random)
    return {
        "steps": middle,
        "low": low,
        "high": high,
        "greatest_ratio": float(np.median(ratios.max(axis=0))),
        "last_ratio": float(np.median(ratios[-1])),
    }


def _clipping(
    models: Mapping[str, LanguageModel],
    train_ids: NDArray[np.int64],
    valid_ids: NDArray[np.int64],
    params: GradientStudyParams,
    seed: int,
    torch_threads: int,
    on_trial: TrialLogger,
    on_done: Callable[[float], object],
) -> pd.DataFrame:
    """Train each cell by plain gradient descent with each threshold."""
    rows = []
    own = params.clipping
    for cell, model in models.items():
        for threshold in own.thresholds:
            settings = {"cell": cell, "clip_norm": "none" if threshold is None else threshold}
            network = model.params.model_copy(
                update={
                    "optimizer": "sgd",
                    "schedule": "constant",
                    "rate": own.rate,
                    "epochs": own.epochs,
                    "clip_norm": threshold,
                    "patience": None,
                }
            )
            fresh = LanguageModel(network, model.vocabulary, model.level, seed)
            try:
                record = train(
                    fresh, train_ids[: own.tokens], valid_ids[: own.tokens], network,
                    seed=seed, torch_threads=torch_threads,
                )  # fmt: skip
                last = record.epochs[-1]
                measured: dict[str, Any] = {
                    "diverged": False,
                    "valid_loss": last.valid_loss,
                    "gradient_norm": last.gradient_norm,
                    "clip_rate": last.clip_rate,
                }
            except DivergedError:
                measured = {"diverged": True, "valid_loss": None, "gradient_norm": None,
                            "clip_rate": None}  # fmt: skip
            known = {name: value for name, value in measured.items() if value is not None}
            on_trial(f"clipping {cell} {settings['clip_norm']}", settings, known)
            rows.append({**settings, **measured})
            on_done(1)
    return pd.DataFrame(rows)


def _adding(
    models: Mapping[str, LanguageModel],
    params: GradientStudyParams,
    seed: int,
    torch_threads: int,
    on_trial: TrialLogger,
    on_done: Callable[[float], object],
) -> pd.DataFrame:
    """Teach each cell the adding task at each delay."""
    rows = []
    for cell, model in models.items():
        own = model.params
        settings = CellSettings(
            own.cell, own.activation, own.gru_reset, own.forget_bias, own.initialisation
        )
        for delay in params.adding.delays:
            error = adding.learn(
                settings, delay, params.adding, seed=seed, torch_threads=torch_threads
            )
            on_trial(f"adding {cell} {delay}", {"cell": cell, "delay": delay}, {"error": error})
            rows.append({"cell": cell, "delay": delay, "error": error})
            on_done(1)
    return pd.DataFrame(rows)


def _nested(table: pd.DataFrame, keys: list[str]) -> dict[str, Any]:
    """Return the rows of `table` as metrics nested by two `keys`."""
    nested: dict[str, Any] = {}
    for row in table.to_dict("records"):
        outer, inner = (str(row.pop(key)) for key in keys)
        nested.setdefault(outer, {})[f"{keys[1].replace('_', ' ')} {inner}"] = row
    return nested
