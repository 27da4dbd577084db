"""What a language model thinks comes next after a beginning."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from wordlab.asking.text import sentences
from wordlab.errors import UserError
from wordlab.evaluation.language.generation import (
    beginning_ids,
    probabilities_after,
    spelled,
    unknown_symbols,
)
from wordlab.params.text import PreprocessParams
from wordlab.recurrent.language_model import LanguageModel


@dataclass(frozen=True)
class Next:
    """A symbol that may come next; text: None unless it is a word or a character."""

    kind: Literal["word", "character", "end of sentence", "unknown"]
    text: str | None
    probability: float


@dataclass(frozen=True)
class Prediction:
    """The likeliest symbols after a beginning, likeliest first.

    read: the beginning as the model read it; unknown: what it does not know of that; rest: the
    probability of all other symbols.
    """

    read: str
    unknown: Sequence[str]
    likeliest: Sequence[Next]
    rest: float


def beginning(model: LanguageModel, prompt: str, preprocess: PreprocessParams) -> str:
    """Return a beginning that a person typed as the model knows it, a sentence per line.

    The last is open, unless a line break closes it: to a model of characters a space at its end is
    one. Raises UserError if nothing of a prompt that is not blank is a token.
    """
    found = [spelled(model, line) for line in sentences(prompt, preprocess, model)]
    text = "\n".join(found)
    if prompt.strip() and not text:
        kind = repr(preprocess.tokens)
        raise UserError(f"prompt: no token of the kind {kind} in {prompt!r}; expected one, or none")
    blank = prompt[len(prompt.rstrip()) :]
    if "\n" in blank and text and preprocess.units != "documents":
        return f"{text}\n"
    return f"{text} " if blank and text and model.level == "character" else text


def predict(
    model: LanguageModel, prompt: str, preprocess: PreprocessParams, number: int
) -> Prediction:
    """Return the `number` likeliest symbols after `prompt`; an empty one begins a sentence."""
    text = beginning(model, prompt, preprocess)
    p = probabilities_after(model, beginning_ids(model, text))
    order = np.argsort(-p, kind="stable")[:number].tolist()
    words = model.vocabulary.words
    likeliest = []
    for i in order:
        known = i < len(words)
        special: Literal["end of sentence", "unknown"] = (
            "end of sentence" if i == model.end else "unknown"
        )
        likeliest.append(
            Next(model.level if known else special, words[i] if known else None, float(p[i]))
        )
    rest = max(0.0, 1 - float(p[order].sum()))
    return Prediction(text, unknown_symbols(model, text), likeliest, rest)
