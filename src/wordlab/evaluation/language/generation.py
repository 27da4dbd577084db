"""Text drawn from a language model: sampled, greedy or by beam search."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from torch import Tensor

from wordlab import rng
from wordlab.corpus.corpus import EncodedCorpus
from wordlab.corpus.vocabulary import Vocabulary
from wordlab.errors import UserError
from wordlab.evaluation.language.cache import NeuralCache
from wordlab.evaluation.language.ngrams import KneserNey
from wordlab.params.language import DecodingParams
from wordlab.params.sweeps import DrawnTextParams
from wordlab.recurrent.batches import language_ids
from wordlab.recurrent.cells import State
from wordlab.recurrent.language_model import LanguageModel
from wordlab.recurrent.training import perplexity


def generate(
    model: LanguageModel,
    prompt: str,
    length: int,
    decoding: DecodingParams,
    *,
    seed: int,
    cache: NeuralCache | None = None,
) -> str:
    """Return `prompt` and the `length` symbols that the model puts after it, as `continuation`.

    A word model's symbols are joined by spaces, the end of a sentence is a line break.
    """
    drawn = continuation(model, prompt, length, decoding, seed=seed, cache=cache)
    return text_of(model, prompt_ids(model, prompt) + drawn)


def continuation(
    model: LanguageModel,
    prompt: str,
    length: int,
    decoding: DecodingParams,
    *,
    seed: int,
    cache: NeuralCache | None = None,
) -> list[int]:
    """Return the `length` symbols that the model puts after `prompt`, as classes.

    The unknown symbol is never drawn. cache: mutated, comes to hold the prompt and what is drawn.
    Raises UserError naming the words of the prompt that the model does not know, and for a beam
    with a cache.
    """
    if cache and decoding.strategy == "beam":
        raise UserError(
            "strategy: a beam has several texts, a cache one; expected sample or greedy"
        )
    given = prompt_ids(model, prompt)
    with torch.no_grad():
        if decoding.strategy == "beam":
            return _beam(model, given, length, decoding.beam_width)
        generator = torch.Generator().manual_seed(rng.derive(seed, "generation", prompt))
        return _draw(model, given, length, decoding, generator, cache)


def draw_texts(model: LanguageModel, texts: int, length: int, *, seed: int) -> NDArray[np.int64]:
    """Return texts as classes, int64 (texts, length), drawn side by side from the model.

    Each begins a sentence and may run beyond its end; no symbol is ruled out, not even the unknown.
    """
    generator = torch.Generator().manual_seed(rng.derive(seed, "texts"))
    drawn = torch.empty(length, texts, dtype=torch.int64)
    symbols = torch.full((texts,), model.end)
    state = model.initial_state(texts)
    with torch.no_grad():
        for step in range(length):
            hidden, state = model(symbols[None], state)
            p = model.output.log_probabilities(hidden[-1]).exp()
            # multinomial would draw a number per class, which takes longer than the network
            bounds = p.double().cumsum(dim=1)
            places = torch.rand(texts, 1, generator=generator, dtype=torch.float64)
            symbols = torch.searchsorted(bounds, places * bounds[:, -1:], right=True)[:, 0]
            drawn[step] = symbols
    return drawn.T.contiguous().numpy()


def symbols_of(model: LanguageModel, text: str) -> Sequence[str]:
    """Return the words of `text`, or its characters, as the model has it."""
    return text.split() if model.level == "word" else text


def spelled(model: LanguageModel, text: str) -> str:
    """Return `text` as the model knows it: a symbol in lower case where only that is known."""
    between = " " if model.level == "word" else ""
    return between.join(map(model.vocabulary.spelling, symbols_of(model, text)))


def prompt_ids(model: LanguageModel, prompt: str) -> list[int]:
    """Return the `beginning_ids` of `prompt`. Raises UserError naming the unknown symbols."""
    unknown = sorted(unknown_symbols(model, prompt))
    if unknown:
        raise UserError(
            f"prompt: {model.level}s unknown to the model: {', '.join(unknown)}; expected some of "
            f"the {len(model.vocabulary)} in its vocabulary"
        )
    return beginning_ids(model, prompt)


def beginning_ids(model: LanguageModel, text: str) -> list[int]:
    """Return the classes of the symbols of `text`, with an end at each line break."""
    index, ids = model.vocabulary.index, list[int]()
    for number, line in enumerate(text.split("\n")):
        ids += [model.end] * bool(number)
        ids += (index.get(s, model.unknown) for s in symbols_of(model, spelled(model, line)))
    return ids


def unknown_symbols(model: LanguageModel, text: str) -> list[str]:
    """Return the symbols of `text` that the model does not know, each once, in their order."""
    found = (s for line in text.split("\n") for s in symbols_of(model, spelled(model, line)))
    return [symbol for symbol in dict.fromkeys(found) if symbol not in model.vocabulary]


def text_of(model: LanguageModel, ids: list[int]) -> str:
    """Return the symbols of `ids` as text."""
    words = model.vocabulary.words
    symbols = [words[i] if i < len(words) else "\n" if i == model.end else "<unk>" for i in ids]
    if model.level == "character":
        return "".join(symbols)
    return " ".join(symbols).replace(" \n ", "\n").replace(" \n", "\n")


def narrowed(logits: Tensor, decoding: DecodingParams) -> Tensor:
    """Return the probabilities (C,) to draw from, given `logits` (C,).

    Divided by the temperature; then only the `top_k` likeliest, and of those only the likeliest
    that together reach `top_p` (nucleus sampling, Holtzman et al. 2020); the rest get 0.
    """
    p = torch.softmax(logits / decoding.temperature, dim=0)
    ordered, order = torch.sort(p, descending=True, stable=True)
    if decoding.top_k is not None:
        ordered[decoding.top_k :] = 0
        ordered /= ordered.sum()
    before = ordered.cumsum(0) - ordered  # the probability of all likelier ones
    ordered[before >= decoding.top_p] = 0
    return torch.zeros_like(p).scatter_(0, order, ordered / ordered.sum())


def probabilities_after(model: LanguageModel, given: Sequence[int]) -> NDArray[np.float64]:
    """Return p of every class, float64 (C,), after a sentence begins with the classes `given`."""
    with torch.no_grad():
        hidden, _ = model(_begun(model, given), model.initial_state(1))
        log_p = model.output.log_probabilities(hidden[-1])[0]
    return log_p.double().exp().numpy()


def _begun(model: LanguageModel, given: Sequence[int]) -> Tensor:
    """Return the end of a sentence and the classes `given` as what a model reads, (T, 1)."""
    return torch.tensor([[model.end], *([i] for i in given)])


def _next_log_p(
    model: LanguageModel, inputs: Tensor, state: list[State]
) -> tuple[Tensor, list[State]]:
    """Return log p (B, C) of what follows `inputs` (T, B), unknown ruled out, and the state."""
    hidden, state = model(inputs, state)
    log_p = model.output.log_probabilities(hidden[-1])
    log_p[:, model.unknown] = -torch.inf
    return log_p, state


def generate_by_counts(
    ngrams: KneserNey,
    model: LanguageModel,
    prompt: str,
    length: int,
    decoding: DecodingParams,
    *,
    seed: int,
) -> str:
    """Return `prompt` and the `length` symbols that n-grams put after it, as `generate` does.

    model: a network of the same symbols. The strategy beam draws here.
    """
    given = prompt_ids(model, prompt)
    generator = torch.Generator().manual_seed(rng.derive(seed, "generation", prompt))
    ids = list(given)
    for _ in range(length):
        context = np.array([*ids, model.end])[-ngrams.order :]  # the last is what is to come
        *_, p = ngrams.probabilities(context, len(context))
        log_p = torch.from_numpy(np.log(p[-1]))
        log_p[model.unknown] = -torch.inf
        ids.append(_chosen(log_p, decoding, generator))
    return text_of(model, ids)


def _draw(
    model: LanguageModel,
    given: list[int],
    length: int,
    decoding: DecodingParams,
    generator: torch.Generator,
    cache: NeuralCache | None,
) -> list[int]:
    drawn: list[int] = []
    inputs, state = _begun(model, given), model.initial_state(1)
    for _ in range(length):
        hidden, state = model(inputs, state)  # (T, 1, H)
        log_p = model.output.log_probabilities(hidden[-1])[0]
        if cache:
            for before, symbol in zip(hidden[:-1, 0], inputs[1:, 0], strict=True):
                cache.remember(before, int(symbol))
            log_p = cache.probabilities(log_p.exp(), hidden[-1, 0]).log()
        log_p[model.unknown] = -torch.inf
        drawn.append(_chosen(log_p, decoding, generator))
        if cache:
            cache.remember(hidden[-1, 0], drawn[-1])
        inputs = torch.tensor([drawn[-1:]])
    return drawn


def _chosen(log_p: Tensor, decoding: DecodingParams, generator: torch.Generator) -> int:
    """Return the likeliest symbol by `log_p` (C,), or one that is drawn."""
    if decoding.strategy == "greedy":
        return int(log_p.argmax())
    return int(torch.multinomial(narrowed(log_p, decoding), 1, generator=generator))


def _beam(model: LanguageModel, given: list[int], length: int, width: int) -> list[int]:
    """Return the continuation of highest probability among `width` kept at each step."""
    log_p, state = _next_log_p(model, _begun(model, given), model.initial_state(1))
    scores = log_p.new_zeros(1)
    texts = torch.empty(1, 0, dtype=torch.int64)  # (K, steps)
    for step in range(length):
        totals = scores[:, None] + log_p  # (K, C)
        scores, chosen = totals.flatten().topk(min(width, totals.numel()))
        parents, symbols = chosen // model.classes, chosen % model.classes
        texts = torch.cat([texts[parents], symbols[:, None]], dim=1)
        if step + 1 < length:
            kept = [tuple(part[parents] for part in layer) for layer in state]
            log_p, state = _next_log_p(model, symbols[None], kept)
    return texts[0].tolist()


Ids = NDArray[np.int64]
TEXT_SCORES = ("text_perplexity", "text_distinct_2", "text_coherence")


@dataclass(frozen=True, eq=False)
class Reference:
    """A text that others are held against.

    ngrams: its Kneser-Ney model. words: V, the classes below which are words. pairs: int64 (P,),
    rising, a V + b of words a < b that occur near one another; shares: float64 (P,) of each among
    all pairs; word_shares: float64 (V,), of a word among the words of pairs.
    """

    params: DrawnTextParams
    ngrams: KneserNey = field(repr=False)
    words: int
    pairs: Ids = field(repr=False)
    shares: NDArray[np.float64] = field(repr=False)
    word_shares: NDArray[np.float64] = field(repr=False)

    @classmethod
    @lru_cache(maxsize=2)  # the trials of a sweep share it
    def of(
        cls,
        corpus: EncodedCorpus,
        known: Vocabulary,
        *,
        order: int,
        params: DrawnTextParams,
    ) -> "Reference":
        """Return the text of `corpus` as a reference; order: of the n-grams."""
        words = len(known)
        ids = language_ids(corpus, known)
        near = _pairs(ids[None], words, params)
        pairs, counts = np.unique(near, return_counts=True)
        ends = np.concatenate([near // words, near % words])
        return cls(
            params,
            KneserNey.fit(ids, order=order, classes=known.classes, end=known.end),
            words,
            pairs,
            counts / max(len(near), 1),
            np.bincount(ends, minlength=words) / max(len(ends), 1),
        )

    def scores(self, texts: Ids) -> dict[str, float]:
        """Return what can be counted of `texts`, int64 (texts, length).

        text_perplexity: under the n-grams; text_distinct_2: different bigrams as a share of all
        (Li et al. 2016); text_coherence: as in `coherence`.
        """
        losses = np.concatenate([self.ngrams.losses(text) for text in texts])
        bigrams = texts[:, :-1] * (self.words + 2) + texts[:, 1:]
        return {
            "text_perplexity": perplexity(float(losses.mean())),
            "text_distinct_2": len(np.unique(bigrams)) / max(bigrams.size, 1),
            "text_coherence": self.coherence(texts),
        }

    def coherence(self, texts: Ids) -> float:
        """Return how well the words near one another in `texts` (texts, length) go together.

        The mean over all pairs of NPMI = ln(p(a, b) / (p(a) p(b))) / -ln p(a, b), the
        probabilities being those of pairs of this reference; -1 for a pair that it has not (Bouma
        2009; as a measure of coherence: Lau, Newman & Baldwin 2014). NaN without pairs.
        """
        near = _pairs(texts, self.words, self.params)
        if not len(near) or not len(self.pairs):
            return math.nan
        places = np.minimum(np.searchsorted(self.pairs, near), len(self.pairs) - 1)
        seen = self.pairs[places] == near
        near, joint = near[seen], self.shares[places[seen]]
        # two different words of a pair, in either order
        chance = 2 * self.word_shares[near // self.words] * self.word_shares[near % self.words]
        certain = joint >= 1  # the only pair there is
        npmi = np.log(joint / chance) / -np.log(np.where(certain, 0.5, joint))
        total = np.where(certain, 1.0, npmi).sum() - (~seen).sum()
        return float(total / len(seen))


def yardsticks(
    held_out: Sequence[EncodedCorpus], vocabulary: Vocabulary, reference: Reference, *, seed: int
) -> pd.DataFrame:
    """Return what the scores of drawn text are of real text, as much and as long.

    One row per held-out part and text (`held out`, or the same words `shuffled`): fold, from 1,
    text and the scores.
    """
    rows = []
    for number, corpus in enumerate(held_out, start=1):
        texts = cut(language_ids(corpus, vocabulary), reference.params)
        mixed = rng.stream(seed, "shuffled", number).permutation(texts.ravel())
        for name, own in (("held out", texts), ("shuffled", mixed.reshape(texts.shape))):
            rows.append({"fold": number, "text": name, **reference.scores(own)})
    return pd.DataFrame(rows)


def cut(ids: Ids, params: DrawnTextParams) -> Ids:
    """Return the beginning of `ids` (N,) as texts of the length of those drawn, at most as many.

    int64 (texts, length); shorter than `length` where there is less text than that.
    """
    length = min(params.length, len(ids))
    texts = min(params.texts, len(ids) // length)
    return ids[: texts * length].reshape(texts, length)


def _pairs(texts: Ids, words: int, params: DrawnTextParams) -> Ids:
    """Return a V + b for all words a < b of the same text that are `window` apart at most."""
    found = [np.zeros(0, dtype=np.int64)]
    for distance in range(1, min(params.window, texts.shape[1] - 1) + 1):
        a, b = texts[:, :-distance].ravel(), texts[:, distance:].ravel()
        a, b = np.minimum(a, b), np.maximum(a, b)
        kept = (a >= params.common_words) & (b < words) & (a < b)
        found.append(a[kept] * words + b[kept])
    return np.concatenate(found)
