"""Text drawn from a language model: sampled, greedy or by beam search."""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from wordlab import rng
from wordlab.errors import UserError
from wordlab.params.recurrent import DecodingParams
from wordlab.recurrent.cells import State
from wordlab.recurrent.language_model import LanguageModel


def generate(
    model: LanguageModel, prompt: str, length: int, decoding: DecodingParams, *, seed: int
) -> str:
    """Return `prompt` and the `length` symbols that the model puts after it.

    A word model's symbols are joined by spaces, the end of a sentence is a line break; the
    unknown symbol is never drawn. Raises UserError naming the words of the prompt that the model
    does not know.
    """
    given = prompt_ids(model, prompt)
    with torch.no_grad():
        if decoding.strategy == "beam":
            drawn = _beam(model, given, length, decoding.beam_width)
        else:
            generator = torch.Generator().manual_seed(rng.derive(seed, "generation", prompt))
            drawn = _draw(model, given, length, decoding, generator)
    return text_of(model, given + drawn)


def draw_texts(model: LanguageModel, texts: int, length: int, *, seed: int) -> NDArray[np.int64]:
    """Return texts as classes, int64 (texts, length), drawn side by side from what the model says.

    Each begins a sentence and may go on beyond its end; nothing is ruled out, the unknown symbol
    as little as any other.
    """
    generator = torch.Generator().manual_seed(rng.derive(seed, "texts"))
    drawn = torch.empty(length, texts, dtype=torch.int64)
    symbols = torch.full((texts,), model.end)
    state = model.initial_state(texts)
    with torch.no_grad():
        for step in range(length):
            hidden, state = model(symbols[None], state)
            p = model.output.log_probabilities(hidden[-1]).exp()
            symbols = torch.multinomial(p, 1, generator=generator)[:, 0]
            drawn[step] = symbols
    return drawn.T.contiguous().numpy()


def prompt_ids(model: LanguageModel, prompt: str) -> list[int]:
    """Return the classes of the symbols of `prompt`; words are parted by white space.

    Raises UserError naming those that are unknown.
    """
    symbols = prompt.split() if model.level == "word" else list(prompt)
    unknown = sorted({symbol for symbol in symbols if symbol not in model.vocabulary})
    if unknown:
        kind = "words" if model.level == "word" else "characters"
        raise UserError(
            f"prompt: {kind} unknown to the model: {', '.join(unknown)}; expected some of the "
            f"{len(model.vocabulary)} in its vocabulary"
        )
    return [model.vocabulary.index[symbol] for symbol in symbols]


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


def _next_log_p(
    model: LanguageModel, inputs: Tensor, state: list[State]
) -> tuple[Tensor, list[State]]:
    """Return log p (B, C) of what follows `inputs` (T, B), unknown ruled out, and the state."""
    hidden, state = model(inputs, state)
    log_p = model.output.log_probabilities(hidden[-1])
    log_p[:, model.unknown] = -torch.inf
    return log_p, state


def _draw(
    model: LanguageModel,
    given: list[int],
    length: int,
    decoding: DecodingParams,
    generator: torch.Generator,
) -> list[int]:
    drawn: list[int] = []
    inputs = torch.tensor([[model.end], *([i] for i in given)])  # (T, 1)
    state = model.initial_state(1)
    for _ in range(length):
        log_p, state = _next_log_p(model, inputs, state)
        if decoding.strategy == "greedy":
            symbol = int(log_p[0].argmax())
        else:
            p = narrowed(log_p[0], decoding)
            symbol = int(torch.multinomial(p, 1, generator=generator))
        drawn.append(symbol)
        inputs = torch.tensor([[symbol]])
    return drawn


def _beam(model: LanguageModel, given: list[int], length: int, width: int) -> list[int]:
    """Return the continuation of highest probability among `width` kept at each step."""
    log_p, state = _next_log_p(
        model, torch.tensor([[model.end], *([i] for i in given)]), model.initial_state(1)
    )
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
