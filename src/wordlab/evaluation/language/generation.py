"""Text drawn from a language model: sampled, greedy or by beam search."""

import re
from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from wordlab import rng
from wordlab.errors import UserError
from wordlab.evaluation.language.cache import NeuralCache
from wordlab.evaluation.language.ngrams import KneserNey
from wordlab.params.language import DecodingParams
from wordlab.recurrent.cells import State
from wordlab.recurrent.language_model import LanguageModel


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
    return re.sub(" ?\n ?", "\n", " ".join(symbols))


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
