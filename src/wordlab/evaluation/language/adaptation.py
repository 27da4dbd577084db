"""Networks scored with what their text has shown so far, and mixed with n-grams.

Settings and the weights of mixtures are chosen on the validation split alone.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import product
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from wordlab.errors import UserError
from wordlab.evaluation.language.accuracy import ranked
from wordlab.evaluation.language.cache import cache_probabilities
from wordlab.evaluation.language.dynamic import Learning, Trace, dynamic_trace, gradient_sizes
from wordlab.evaluation.language.held_out import HeldOut
from wordlab.params.language import CacheParams, DynamicEvaluationParams, LanguageEvaluationParams
from wordlab.recurrent.language_model import LanguageModel
from wordlab.recurrent.reading import STREAMS


@dataclass(frozen=True, eq=False)
class Adapted:
    """The losses of a network on the test text by one method, (N,), and what was chosen for it."""

    losses: NDArray[np.floating]
    settings: Mapping[str, Any]


@dataclass(frozen=True, eq=False)
class _Part:
    """A text, what a network makes of it, and whether a document may see the ones before it."""

    text: HeldOut
    trace: Trace
    crosses: bool


def adapted(
    name: str,
    model: LanguageModel,
    train: NDArray[np.int64],
    valid: HeldOut,
    test: HeldOut,
    plain: Trace,
    ngrams: Sequence[NDArray[np.float64]],
    params: LanguageEvaluationParams,
) -> dict[str, Adapted]:
    """Return how `model`, named `name`, does on `test` by each method that `params` has for it.

    train (N,): the training text; ngrams: the losses of its Kneser-Ney model on `valid` and `test`;
    plain: what `plain_trace` makes of `test`, with its states where `params.cache` names the model.
    `cache` and `kneser_ney` are
    mixtures with the network as its plain losses are measured; `dynamic` is dynamic evaluation;
    `all` a mixture of those that are asked for, if there are several. Raises UserError if dynamic
    evaluation diverges.
    """
    cache = params.cache if name in params.cache.models else None
    counted = ngrams if name in params.interpolated else None
    crosses = _crosses(model)
    found: dict[str, Adapted] = {}
    settings: dict[str, Any] = {}
    parts: tuple[_Part, ...] = ()
    if cache or counted is not None:
        first = plain_trace(model, valid, states=cache is not None)
        parts = _Part(valid, first, crosses), _Part(test, plain, crosses)
    if cache:
        found["cache"] = _mixture(parts, cache, None)
    if counted is not None:
        found["kneser_ney"] = _mixture(parts, None, counted)
    if name in params.dynamic.models:
        texts = valid.beginning(params.dynamic.valid_symbols), test
        traces, chosen = _dynamic(
            name, model, train, *texts, params.dynamic, states=cache is not None
        )
        parts = tuple(_Part(*pair, crosses) for pair in zip(texts, traces, strict=True))
        settings = asdict(chosen)
        found["dynamic"] = Adapted(traces[1].losses, settings)
    if len(found) > 1:
        mixed = _mixture(parts, cache, counted)
        found["all"] = Adapted(mixed.losses, {**settings, **mixed.settings})
    return found


def cached_ngrams(
    model: LanguageModel,
    valid: HeldOut,
    test: HeldOut,
    ngrams: Sequence[NDArray[np.float64]],
    cache: CacheParams,
) -> Adapted:
    """Return how n-grams do on `test`, mixed with the last symbols that they have read.

    ngrams: their losses on `valid` and `test`, texts as the classes of `model`, whose cache goes
    as far back. All symbols of it count alike: a unigram cache (Kuhn & De Mori 1990).
    """
    first, second = (
        _Part(text, Trace(losses, torch.zeros(len(losses), 1), None), _crosses(model))
        for text, losses in zip((valid, test), ngrams, strict=True)
    )
    mixed = _mixture((first, second), cache.model_copy(update={"flatness": (0.0,)}), None)
    weights = mixed.settings["weights"]
    own = {"kneser_ney": weights["network"], "cache": weights["cache"]}
    return Adapted(mixed.losses, {"weights": own, "size": cache.size})


def _crosses(model: LanguageModel) -> bool:
    """Return whether `model`, and so its cache, carries over from one document to the next."""
    return model.params.examples == "streams" and model.params.carry_state == "always"


def plain_trace(
    model: LanguageModel,
    text: HeldOut,
    *,
    states: bool = False,
    ranks: bool = False,
    streams: int = STREAMS,
) -> Trace:
    """Return what `model` makes of `text`, read as by `outputs`.

    states, ranks: whether to keep these.
    """
    losses, kept = torch.empty(len(text.ids)), torch.empty(0)
    found = torch.empty(len(text.ids) if ranks else 0, dtype=torch.int64)
    if states:
        kept = torch.empty(len(text.ids), model.layers.output_size)
    for places, hidden, targets in model.outputs(
        text.ids, document_starts=text.document_starts, streams=streams
    ):
        where = torch.from_numpy(places)
        losses[where] = model.output.losses(hidden, targets).cpu()
        if states:
            kept[where] = hidden.cpu()
        if ranks:
            found[where] = ranked(model, hidden, targets)[1]
    return Trace(losses.numpy(), kept, found.numpy() if ranks else None)


def _dynamic(
    name: str,
    model: LanguageModel,
    train: NDArray[np.int64],
    valid: HeldOut,
    test: HeldOut,
    params: DynamicEvaluationParams,
    *,
    states: bool,
) -> tuple[tuple[Trace, Trace], Learning]:
    """Return what `model` makes of both texts, learning as is best on the first."""

    def trace(text: HeldOut, learning: Learning) -> Trace:
        return dynamic_trace(model, text, learning, sizes, params, states=states)

    sizes = gradient_sizes(model, train, params)
    best: tuple[Trace, Learning] | None = None
    for learning in (Learning(*each) for each in product(params.rates, params.decays)):
        try:
            found = trace(valid, learning)
        except FloatingPointError:
            continue
        if best is None or found.losses.mean() < best[0].losses.mean():
            best = found, learning
    try:
        if best is None:
            raise FloatingPointError
        return (best[0], trace(test, best[1])), best[1]
    except FloatingPointError:
        raise UserError(
            f"language_evaluation.dynamic.rates: {name} diverges as it learns from the text it is "
            f"scored on; expected lower rates than {', '.join(f'{one:g}' for one in params.rates)}"
        ) from None


def _mixture(
    parts: Sequence[_Part],
    cache: CacheParams | None,
    ngrams: Sequence[NDArray[np.float64]] | None,
) -> Adapted:
    """Return the second of `parts` by a mixture of the network with a cache, n-grams or both.

    ngrams: their losses on texts that begin with those of `parts`.
    The flatness of the cache and the weights are those that are best for the first.
    """
    valid, test = parts
    on_valid, on_test = (None, None) if ngrams is None else ngrams
    tried = []
    given = cache.flatness if cache else ()
    for number, p in enumerate(_components(valid, cache, given, on_valid)):
        weights = mixture_weights(p)
        tried.append((float(mixed_losses(p, weights).mean()), number, weights))
    _, number, weights = min(tried, key=lambda one: one[:2])
    chosen = given[number : number + 1]
    [p] = _components(test, cache, chosen, on_test)
    names = ["network", *["kneser_ney"] * (ngrams is not None), *["cache"] * bool(cache)]
    settings: dict[str, Any] = {"weights": dict(zip(names, weights.tolist(), strict=True))}
    if cache:
        settings |= {"size": cache.size, "flatness": chosen[0]}
    return Adapted(mixed_losses(p, weights), settings)


def _components(
    part: _Part,
    cache: CacheParams | None,
    flatness: Sequence[float],
    ngrams: NDArray[np.float64] | None,
) -> list[NDArray[np.float64]]:
    """Return p of each symbol by the network, n-grams and the cache, as asked, (K, N).

    One array per flatness of the cache, or one. Where a cache is empty, the network takes its
    place.
    """
    network = np.exp(-part.trace.losses.astype(np.float64))
    parts = [network]
    if ngrams is not None:
        parts.append(np.exp(-ngrams[: len(network)]))
    if cache is None:
        return [np.stack(parts)]
    starts = None if part.crosses else part.text.document_starts
    cached = cache_probabilities(
        part.trace.hidden, part.text.ids, size=cache.size, flatness=flatness, document_starts=starts
    )
    return [np.stack([*parts, np.where(np.isnan(one), network, one)]) for one in cached]


_PRECISE, _ROUNDS = 1e-6, 1000
"""Weights of a mixture are known when a round changes none by more, or after so many rounds."""


def mixture_weights(p: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the weights (K,), with a sum of 1, that make the mixture of `p` (K, N) likeliest.

    p: what each of K models gave to N symbols. By expectation maximisation (Jelinek & Mercer 1980):
    the weight of a model becomes the mean of its share in the mixture; there is one maximum.
    """
    possible = p[:, p.any(axis=0)]
    weights = np.full(len(p), 1 / len(p))
    for _ in range(_ROUNDS):
        shares = weights[:, None] * possible
        before, weights = weights, (shares / shares.sum(axis=0)).mean(axis=1)
        if np.abs(weights - before).max() < _PRECISE:
            break
    return weights


def mixed_losses(p: NDArray[np.float64], weights: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return -log of the mixture of `p` (K, N), nats, finite even where it is 0."""
    mixed = (weights[:, None] * p).sum(axis=0)
    losses: NDArray[np.float64] = -np.log(np.maximum(mixed, np.finfo(np.float64).tiny))
    return losses
