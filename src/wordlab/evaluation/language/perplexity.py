"""Language models on held-out text, beside n-gram baselines, and the text they generate."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from wordlab.artifacts import rounded
from wordlab.corpus.vocabulary import study_words
from wordlab.errors import notice
from wordlab.evaluation.language.accuracy import accuracy, ngram_ranks
from wordlab.evaluation.language.adaptation import adapted, cached_ngrams, plain_trace
from wordlab.evaluation.language.drawn_text import score_generated
from wordlab.evaluation.language.generation import (
    continuation,
    generate_by_counts,
    prompt_ids,
    spelled,
    symbols_of,
    text_of,
)
from wordlab.evaluation.language.held_out import (
    Documents,
    HeldOut,
    held_out,
    ratios,
    score,
    symbol_ids,
)
from wordlab.evaluation.language.ngrams import KneserNey
from wordlab.params.language import GenerationParams, LanguageEvaluationParams
from wordlab.recurrent.language_model import LanguageModel
from wordlab.recurrent.training import perplexity

if TYPE_CHECKING:
    import pandas as pd


PROMPTS = 3
"""How many prompts are chosen from the text where nobody named any."""
COMPARED = "gru"
"""The network that others of the same symbols are compared with."""


@dataclass(frozen=True, eq=False)
class _Kind:
    """What models of the same symbols share: texts as classes, baselines.

    valid_losses, losses: of ngrams, on `valid` and `text`; networks: the losses of each on `text`;
    cached: those that are scored with a cache.
    """

    train: NDArray[np.int64]
    valid: HeldOut
    text: HeldOut
    unigrams: KneserNey
    ngrams: KneserNey
    valid_losses: NDArray[np.float64]
    losses: NDArray[np.float64]
    model: LanguageModel
    prompts: list[str]
    networks: dict[str, NDArray[np.floating]] = field(default_factory=dict)
    cached: list[LanguageModel] = field(default_factory=list)


def _kind(
    model: LanguageModel,
    train: Sequence[str],
    valid: Documents,
    test: Documents,
    beginnings: Sequence[str],
    params: LanguageEvaluationParams,
) -> _Kind:
    known = model.vocabulary
    ids = symbol_ids(model, train)
    chosen_on, text = (held_out(model, documents) for documents in (valid, test))
    given = {"classes": known.classes, "end": known.end}
    orders = getattr(params.ngram_orders, model.level)
    counted = ids[: params.ngram_symbols]
    ngrams = KneserNey.chosen(counted, chosen_on.ids, orders=orders, **given)
    unigrams = KneserNey.fit(counted, order=1, **given)
    prompts = [
        prompt
        for prompt in (spelled(model, one) for one in beginnings)
        if all(symbol in known for symbol in symbols_of(model, prompt))
    ]
    losses = ngrams.losses(chosen_on.ids), ngrams.losses(text.ids)
    return _Kind(ids, chosen_on, text, unigrams, ngrams, *losses, model, prompts or [""])


def evaluate(
    models: Mapping[str, LanguageModel],
    train: Sequence[str],
    valid: Documents,
    test: Documents,
    params: LanguageEvaluationParams,
    generation: GenerationParams,
    *,
    seed: int,
    on_losses: Callable[[str, NDArray[np.floating], HeldOut], None] = lambda *_: None,
) -> tuple[dict[str, Any], list[dict[str, str]]]:
    """Return scores by model and baseline, and a sample of each network, and of the Kneser-Ney
    models, for each prompt.

    train: sentences; valid chooses the order of the Kneser-Ney model, which all others are compared
    with. `examples`, `carry_state`: how a network reads the text, as it was trained; `adapted`: its
    scores and settings by each other method that `params` has for it; `times`, `times_low`,
    `times_high`: its perplexity as a multiple of that of the network `compared`, on the same
    symbols, with intervals that hold together (`held_out.ratios`). Models of the same symbols share
    their baselines: `unigram` and `kneser_ney`, named with the level and the number of symbols
    where there are several kinds, the latter also with the cache of the first network that has one.
    on_losses: given the
    losses of each network and the text they are on.
    """
    metrics: dict[str, Any] = {}
    samples: list[dict[str, str]] = []
    # those given that the first word model knows, or words that it has chosen
    words = next((one.vocabulary for one in models.values() if one.level == "word"), None)
    given = tuple(generation.prompts or ())
    beginnings = given if words is None else study_words(given, words, PROMPTS, prompts=True)
    kinds: dict[tuple[str, int], _Kind] = {}
    for name, model in models.items():
        kind = model.level, len(model.vocabulary)
        if kind not in kinds:
            kinds[kind] = _kind(model, train, valid, test, beginnings, params)
        shared = kinds[kind]
        prompts, text = shared.prompts, shared.text
        written = [
            (
                prompt_ids(model, prompt),
                continuation(model, prompt, generation.length, generation, seed=seed),
            )
            for prompt in prompts
        ]
        plain = plain_trace(model, text, states=name in params.cache.models, ranks=True)
        assert plain.ranks is not None
        on_losses(name, plain.losses, text)
        shared.networks[name] = plain.losses
        shared.cached.extend([model] * (name in params.cache.models))
        scored = score(plain.losses, text, seed=seed, baseline=shared.losses)
        if math.isinf(scored.perplexity):
            notice(
                f"{name}: its loss on the test split, {scored.bits:,.0f} bits per symbol, has a "
                "perplexity beyond any float, which counts as infinite"
            )
        metrics[name] = {
            **asdict(scored),
            **accuracy(plain.ranks, text, seed=seed),
            **model.params.model_dump(include={"examples", "carry_state"}),
            "adapted": {
                method: {
                    **asdict(score(own.losses, text, seed=seed, baseline=shared.losses)),
                    **own.settings,
                }
                for method, own in adapted(
                    name,
                    model,
                    shared.train,
                    shared.valid,
                    text,
                    plain,
                    (shared.valid_losses, shared.losses),
                    params,
                ).items()
            },
            "generated": {
                **score_generated(written, shared.train, shared.ngrams),
                "prompts": len(prompts),
                "prompts_left_out": len({spelled(model, one) for one in given} - set(prompts)),
            },
        }
        samples += [
            {"model": name, "prompt": prompt, "text": text_of(model, [*begun, *drawn])}
            for prompt, (begun, drawn) in zip(prompts, written, strict=True)
        ]
    for (level, size), own in kinds.items():
        label = _label(level, size, list(kinds))
        frequencies = own.unigrams.losses(own.text.ids)
        metrics[f"unigram{label}"] = {
            **asdict(score(frequencies, own.text, seed=seed, baseline=own.losses)),
            **accuracy(ngram_ranks(own.unigrams, own.text), own.text, seed=seed),
        }
        metrics[f"kneser_ney{label}"] = {
            **asdict(score(own.losses, own.text, seed=seed)),
            **accuracy(ngram_ranks(own.ngrams, own.text), own.text, seed=seed),
            "order": own.ngrams.order,
        }
        if own.cached:
            both = own.valid_losses, own.losses
            cached = cached_ngrams(own.cached[0], own.valid, own.text, both, params.cache)
            metrics[f"kneser_ney{label}"]["adapted"] = {
                "cache": {
                    **asdict(score(cached.losses, own.text, seed=seed, baseline=own.losses)),
                    **cached.settings,
                }
            }
        for name, times in _times(own, seed).items():
            ends = dict(zip(("times", "times_low", "times_high"), times, strict=True))
            metrics[name] |= {"compared": COMPARED, **ends}
        samples += [
            {
                "model": f"kneser_ney{label}",
                "prompt": prompt,
                "text": generate_by_counts(
                    own.ngrams, own.model, prompt, generation.length, generation, seed=seed
                ),
            }
            for prompt in own.prompts
        ]
    return metrics, samples


def _times(kind: _Kind, seed: int) -> dict[str, list[float]]:
    """Return the ratio of each other network to COMPARED and its interval's ends, by name.

    Of those whose perplexity is finite.
    """
    finite = [name for name, one in kind.networks.items() if perplexity(one.mean()) < math.inf]
    others = [name for name in finite if name != COMPARED]
    if COMPARED not in finite or not others:
        return {}
    compared = kind.networks[COMPARED].astype(np.float64)
    differences = [(kind.networks[name] - compared)[None] for name in others]
    return dict(zip(others, ratios(differences, kind.text, seed=seed).tolist(), strict=True))


def _label(level: str, size: int, kinds: Sequence[tuple[str, int]]) -> str:
    """Return the ending that distinguishes baselines of several levels or vocabularies."""
    label = "" if level == "word" else f"_{level}"
    return label if sum(other == level for other, _ in kinds) == 1 else f"{label}_{size}"


def headline(metrics: Mapping[str, Any]) -> dict[str, dict[str, float | None]]:
    """Return the few numbers that runs are compared by at a glance, by model, to four digits."""
    keys = {"perplexity": "perplexity", "top-1 accuracy": "top_1"}
    return rounded(
        {
            model: {name: found[key] for name, key in keys.items()}
            for model, found in metrics.items()
        },
        4,
    )


INTERVALS = {
    "perplexity": ("perplexity", "low", "high"),
    "ratio to Kneser-Ney": ("ratio", "ratio_low", "ratio_high"),
    "ratio to GRU": ("times", "times_low", "times_high"),
    "top-1 accuracy": ("top_1", "top_1_low", "top_1_high"),
    "top-5 accuracy": ("top_5", "top_5_low", "top_5_high"),
}
"""The scores that have an interval: the keys of each, of its low and of its high end."""


def intervals(metrics: Mapping[str, Any]) -> "pd.DataFrame":
    """Return the scores of `INTERVALS` that each model has, a row for each."""
    import pandas as pd

    rows = [
        [model, measure, *(found[key] for key in keys)]
        for measure, keys in INTERVALS.items()
        for model, found in rounded(metrics).items()
        if found.get(keys[0]) is not None
    ]
    return pd.DataFrame(rows, columns=["model", "measure", "score", "low", "high"])
