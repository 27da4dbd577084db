"""Language models on held-out text, beside n-gram baselines, and the text they generate."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import special

from wordlab import rng
from wordlab.artifacts import rounded
from wordlab.corpus.vocabulary import study_words
from wordlab.errors import notice
from wordlab.evaluation.language.accuracy import accuracy, ngram_ranks
from wordlab.evaluation.language.adaptation import adapted, plain_trace
from wordlab.evaluation.language.generation import generate, generate_by_counts, spelled, symbols_of
from wordlab.evaluation.language.ngrams import KneserNey
from wordlab.evaluation.statistics import mean_of_drawn
from wordlab.params.language import GenerationParams, LanguageEvaluationParams
from wordlab.recurrent.batches import sentence_starts
from wordlab.recurrent.language_model import LanguageModel
from wordlab.recurrent.training import perplexity

_RESAMPLES = 1000
_STRETCHES, _STRETCH = 20, 100
"""Stretches of a text that is a single sentence, for the bootstrap; the fewest symbols of one."""


@dataclass(frozen=True, eq=False)
class HeldOut:
    """A held-out text as classes.

    ids: int64 (N,), N at least 1; document_starts: int64 (D,), where its documents begin, rising;
    unknown, end: the classes of the unknown word and of the end of a sentence.
    """

    ids: NDArray[np.int64] = field(repr=False)
    document_starts: NDArray[np.int64] = field(repr=False)
    unknown: int
    end: int

    @cached_property
    def sentences(self) -> NDArray[np.int64]:
        """Where sentences begin, int64 (S,); a document begins one.

        Where all is one long sentence, as text8 in one document: stretches of it, equally long.
        """
        begin = sentence_starts(self.ids, self.end, self.document_starts)
        if len(begin) > 1:
            return begin
        count = max(1, min(_STRETCHES, len(self.ids) // _STRETCH))
        return np.arange(count) * len(self.ids) // count

    @property
    def documents(self) -> int:
        """How many documents it has."""
        return len(np.unique(np.append(self.document_starts, 0)))

    def beginning(self, symbols: int | None) -> "HeldOut":
        """Return the first `symbols` of it, or all."""
        ids, starts = self.ids[:symbols], self.document_starts
        return HeldOut(ids, starts[starts < len(ids)], self.unknown, self.end)

    @property
    def spread(self) -> float:
        """By how much deviations of the bootstrap are widened.

        The bootstrap of n documents has a variance too small by (n - 1) / n, and its quantiles are
        those of the normal distribution where Student's t with n - 1 degrees of freedom is due: of
        8 documents the plain interval covers 85 %, not 95. Of one document, n is its sentences.
        """
        n = self.documents if self.documents > 1 else len(self.sentences)
        if n < 2:
            return 1.0
        return float(math.sqrt(n / (n - 1)) * special.stdtrit(n - 1, 0.975) / special.ndtri(0.975))

    def resamples(self, seed: int) -> Iterator[NDArray[np.int64]]:
        """Yield how often each sentence is drawn in each sample of a bootstrap, int64 (S,).

        Documents are drawn with replacement, then as many sentences of each as it has (two-stage
        resampling: Davison & Hinkley 1997, section 3.8): sentences of a document are alike, so that
        drawing sentences alone would make the interval too narrow. The same `seed` gives the same
        samples, so that models scored on one text are paired.
        """
        random, begin = rng.stream(seed, "perplexity"), self.sentences
        documents = np.unique(np.append(self.document_starts, 0))
        firsts = np.searchsorted(begin, documents)
        sizes = np.diff(np.append(firsts, len(begin)))
        firsts, sizes = firsts[sizes > 0], sizes[sizes > 0]
        for _ in range(_RESAMPLES):
            drawn = random.integers(0, len(sizes), size=len(sizes))
            first, size = (np.repeat(each[drawn], sizes[drawn]) for each in (firsts, sizes))
            chosen = first + (random.random(len(size)) * size).astype(np.int64)
            yield np.bincount(chosen, minlength=len(begin))


@dataclass(frozen=True)
class LanguageScore:
    """How well a model predicts a text of `symbols` symbols.

    perplexity: exp of the mean loss per symbol; low, high: its 95 % interval when documents, then
    their sentences, are drawn anew (bootstrap, widened for few documents); all are infinite where
    they are beyond any float; bits: the mean loss in bits per symbol; perplexity_known: over the
    symbols other than the unknown one; unknown_share: how many of the symbols are that one;
    documents: how many the text has. ratio: the perplexity divided by that of a baseline on the
    same text; ratio_low, ratio_high: its 95 % interval over the same samples for both; None without
    a baseline.
    """

    perplexity: float
    low: float
    high: float
    bits: float
    perplexity_known: float
    unknown_share: float
    symbols: int
    documents: int
    ratio: float | None = None
    ratio_low: float | None = None
    ratio_high: float | None = None


def score(
    losses: NDArray[np.floating],
    text: HeldOut,
    *,
    seed: int,
    baseline: NDArray[np.floating] | None = None,
) -> LanguageScore:
    """Return the score of `losses` (N,), nats, on the symbols of `text`.

    losses may be (S, N): of S trainings that differ in their seed alone. The score is then that of
    their mean loss, and the samples draw trainings too. baseline: the losses (N,) of another model
    on the same symbols, to compare with; `seed` draws the samples.
    """
    each = np.atleast_2d(losses).astype(np.float64)  # (S, N)
    precise = each.mean(axis=0)
    others = precise if baseline is None else baseline.astype(np.float64)
    sizes = np.diff(np.append(text.sentences, len(precise)))
    sums = np.add.reduceat(np.vstack([each, others]), text.sentences, axis=1)  # (S + 1, sentences)
    means = [sums @ times / (sizes @ times) for times in text.resamples(seed)]
    *trained, compared = np.array(means).T  # S + 1 of (R,)
    drawn = mean_of_drawn(np.array(trained), rng.stream(seed, "trainings"))  # (R,)
    known = text.ids != text.unknown
    mean, other = float(precise.mean()), float(others.mean())
    low, high = _interval(mean, drawn, text.spread)
    ratio_low, ratio_high = _interval(mean - other, drawn - compared, text.spread)
    paired = baseline is not None
    return LanguageScore(
        perplexity=perplexity(mean),
        low=low,
        high=high,
        bits=mean / math.log(2),
        perplexity_known=perplexity(float(precise[known].mean())) if known.any() else math.nan,
        unknown_share=1 - float(known.mean()),
        symbols=len(text.ids),
        documents=text.documents,
        ratio=perplexity(mean - other) if paired else None,
        ratio_low=ratio_low if paired else None,
        ratio_high=ratio_high if paired else None,
    )


def _interval(mean: float, drawn: NDArray[np.floating], spread: float) -> tuple[float, float]:
    """Return exp of the ends of the 95 % interval of `mean` by bootstrap samples `drawn` (R,)."""
    low, high = np.percentile(drawn, [2.5, 97.5])
    low, high = (mean + spread * float(end - mean) for end in (low, high))
    return perplexity(low), perplexity(high)


def score_generated(
    ids: NDArray[np.int64], train_ids: NDArray[np.int64], ngrams: KneserNey
) -> dict[str, float]:
    """Return what can be counted of the generated symbols `ids` (N,), N at least 4.

    perplexity: under an n-gram model of the training text; distinct_1, distinct_2: different
    n-grams as a share of all (Li et al. 2016); repetition: the share of 4-grams that the text had
    before (Welleck et al. 2020); longest_copy: the most symbols in a row that the training text
    has as well.
    """
    return {
        "perplexity": perplexity(float(ngrams.losses(ids).mean())),
        "distinct_1": distinct(ids, 1),
        "distinct_2": distinct(ids, 2),
        "repetition": 1 - distinct(ids, 4),
        "longest_copy": longest_copy(ids, train_ids),
    }


def distinct(ids: NDArray[np.int64], n: int) -> float:
    """Return how many different n-grams `ids` (N,) has, as a share of all its n-grams."""
    windows = np.lib.stride_tricks.sliding_window_view(ids, n)
    return len(np.unique(windows, axis=0)) / len(windows)


def longest_copy(ids: NDArray[np.int64], source: NDArray[np.int64]) -> int:
    """Return the length of the longest stretch of `ids` (N,) that `source` (M,) contains."""
    longest = 0
    for start in range(len(ids)):
        if len(ids) - start <= longest:
            break
        places = np.flatnonzero(source == ids[start])
        length = 0
        while len(places):
            length += 1
            if start + length == len(ids):
                break
            places = places[places + length < len(source)]
            places = places[source[places + length] == ids[start + length]]
        longest = max(longest, length)
    return longest


PROMPTS = 3
"""How many prompts are chosen from the text where nobody named any."""

Documents = Sequence[Sequence[str]]
"""Documents of sentences."""


def held_out(model: LanguageModel, documents: Documents) -> HeldOut:
    """Return documents of sentences, at least one, as the classes of `model`."""
    parts = [symbol_ids(model, sentences) for sentences in documents]
    starts = np.cumsum([0, *(len(ids) for ids in parts[:-1])])[: len(parts)]
    return HeldOut(np.concatenate(parts), starts, model.unknown, model.end)


def symbol_ids(model: LanguageModel, lines: Sequence[str]) -> NDArray[np.int64]:
    """Return sentences as the classes of `model`, int64: the symbols of each, then the end."""
    index, ids = model.vocabulary.index, []
    for line in lines:
        ids.extend([index.get(symbol, model.unknown) for symbol in symbols_of(model, line)])
        ids.append(model.end)
    return np.array(ids, dtype=np.int64)


@dataclass(frozen=True, eq=False)
class _Kind:
    """What models of the same symbols share: texts as classes, baselines.

    valid_losses, losses: of ngrams, on `valid` and `text`.
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
    ngrams = KneserNey.chosen(ids, chosen_on.ids, orders=orders, **given)
    unigrams = KneserNey.fit(ids, order=1, **given)
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
) -> tuple[dict[str, Any], list[dict[str, str]]]:
    """Return scores by model and baseline, and a sample of each network, and of the Kneser-Ney
    models, for each prompt.

    train: sentences; valid chooses the order of the Kneser-Ney model, which all others are compared
    with. `examples`, `carry_state`: how a network reads the text, as it was trained; `adapted`: its
    scores and settings by each other method that `params` has for it. Models of the same symbols
    share their baselines: `unigram` and `kneser_ney`, named with the level and the number of
    symbols where there are several kinds.
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
        texts = [
            generate(model, prompt, generation.length, generation, seed=seed) for prompt in prompts
        ]
        written = symbol_ids(model, [line for text in texts for line in text.splitlines()])
        plain = plain_trace(model, text, states=name in params.cache.models, ranks=True)
        assert plain.ranks is not None
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
            {"model": name, "prompt": prompt, "text": text}
            for prompt, text in zip(prompts, texts, strict=True)
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


def _label(level: str, size: int, kinds: Sequence[tuple[str, int]]) -> str:
    """Return the ending that distinguishes baselines of several levels or vocabularies."""
    label = "" if level == "word" else f"_{level}"
    return label if sum(other == level for other, _ in kinds) == 1 else f"{label}_{size}"


def headline(metrics: Mapping[str, Any]) -> dict[str, dict[str, float | None]]:
    """Return the few numbers that runs are compared by at a glance, by model, to four digits.

    The intervals are beside the scores, so that `dvc metrics diff` shows what a change is worth.
    """
    keys = ("perplexity", "perplexity_known", "unknown_share", "top_1", "top_5")
    ends = {
        "perplexity_low": "low",
        "perplexity_high": "high",
        **{f"{top}_{end}": f"{top}_{end}" for top in ("top_1", "top_5") for end in ("low", "high")},
    }
    names = {**{key: key for key in keys}, **ends}
    return rounded(
        {
            model: {name: found[key] for name, key in names.items()}
            for model, found in metrics.items()
        },
        4,
    )
