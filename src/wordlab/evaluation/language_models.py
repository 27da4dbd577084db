"""Several language models on one held-out text, beside n-gram baselines, and what they write."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from wordlab.evaluation import language
from wordlab.evaluation.language import HeldOut
from wordlab.evaluation.ngrams import KneserNey
from wordlab.params.recurrent import GenerationParams, LanguageEvaluationParams
from wordlab.recurrent import reading
from wordlab.recurrent.generation import generate
from wordlab.recurrent.language_model import LanguageModel
from wordlab.text.study_words import study_words
from wordlab.text.vocabulary import Vocabulary

PROMPTS = 3
"""How many prompts are chosen from the text where nobody named any."""

Documents = Sequence[Sequence[str]]
"""Documents of sentences."""


@dataclass(frozen=True, eq=False)
class Symbols:
    """The training and the held-out texts in the classes of one model or several alike.

    vocabulary: of the models; train: int64, classes; valid, test: the held-out texts.
    """

    level: str
    vocabulary: Vocabulary = field(repr=False)
    train: NDArray[np.int64] = field(repr=False)
    valid: HeldOut = field(repr=False)
    test: HeldOut = field(repr=False)

    @classmethod
    def of(
        cls, model: LanguageModel, train: Sequence[str], valid: Documents, test: Documents
    ) -> "Symbols":
        """Encode the sentences `train` and the documents `valid` and `test` as `model` has them."""
        return cls(
            model.level,
            model.vocabulary,
            symbol_ids(model, train),
            _held_out(model, valid),
            _held_out(model, test),
        )

    def ngrams(self, orders: Sequence[int]) -> KneserNey:
        """Return the Kneser-Ney model of the training text, of the order best on the valid text."""
        known = self.vocabulary
        return KneserNey.chosen(
            self.train, self.valid.ids, orders=orders, classes=known.classes, end=known.end
        )


def _held_out(model: LanguageModel, documents: Documents) -> HeldOut:
    parts = [symbol_ids(model, sentences) for sentences in documents]
    starts = np.cumsum([0, *(len(ids) for ids in parts[:-1])])[: len(parts)]
    return HeldOut(np.concatenate(parts), starts, model.unknown, model.end)


def symbol_ids(model: LanguageModel, lines: Sequence[str]) -> NDArray[np.int64]:
    """Return sentences as the classes of `model`, int64: symbols, then the end, a sentence."""
    index, ids = model.vocabulary.index, []
    for line in lines:
        symbols = line.split() if model.level == "word" else line
        ids.extend([index.get(symbol, model.unknown) for symbol in symbols])
        ids.append(model.end)
    return np.array(ids, dtype=np.int64)


def known_prompts(model: LanguageModel, prompts: Sequence[str]) -> list[str]:
    """Return the prompts whose symbols `model` knows, or else the empty one."""
    known = []
    for prompt in prompts:
        symbols = prompt.split() if model.level == "word" else prompt
        if all(symbol in model.vocabulary for symbol in symbols):
            known.append(prompt)
    return known or [""]


def prompts_of_words(
    models: Iterable[LanguageModel], named: Sequence[str] | None
) -> tuple[str, ...]:
    """Return the prompts `named` that the first word model knows, or words that it has chosen.

    All of `named` where there is no word model.
    """
    words = next((model.vocabulary for model in models if model.level == "word"), None)
    if words is None:
        return tuple(named or ())
    return study_words(named, words, PROMPTS, prompts=True).words


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
    """Return scores by model and baseline, and a sample of each model for each prompt.

    train: sentences; valid chooses the order of the Kneser-Ney model, which all others are compared
    with. `read_as`: how a network reads the text, as it was trained. Models of the same symbols
    share their baselines: `unigram` and `kneser_ney`, named with the level and the number of
    symbols where there are several kinds.
    """
    metrics: dict[str, Any] = {}
    samples: list[dict[str, str]] = []
    beginnings = prompts_of_words(models.values(), generation.prompts)
    kinds: dict[tuple[str, int], tuple[Symbols, KneserNey, NDArray[np.float64]]] = {}
    for name, model in models.items():
        kind = (model.level, len(model.vocabulary))
        if kind not in kinds:
            symbols = Symbols.of(model, train, valid, test)
            ngrams = symbols.ngrams(getattr(params.ngram_orders, model.level))
            kinds[kind] = symbols, ngrams, ngrams.losses(symbols.test.ids)
        symbols, ngrams, baseline = kinds[kind]
        prompts = known_prompts(model, beginnings)
        texts = [
            generate(model, prompt, generation.length, generation, seed=seed) for prompt in prompts
        ]
        written = symbol_ids(model, [line for text in texts for line in text.splitlines()])
        losses = model.token_losses(symbols.test.ids, document_starts=symbols.test.document_starts)
        metrics[name] = {
            **asdict(language.score(losses, symbols.test, seed=seed, baseline=baseline)),
            "read_as": reading.described(model.params),
            "generated": {
                **asdict(language.score_generated(written, symbols.train, ngrams)),
                "prompts": len(prompts),
                "prompts_left_out": len(set(generation.prompts or ()) - set(prompts)),
            },
        }
        samples += [
            {"model": name, "prompt": prompt, "text": text}
            for prompt, text in zip(prompts, texts, strict=True)
        ]
    for symbols, ngrams, baseline in kinds.values():
        label = _label(symbols, list(kinds))
        unigram = symbols.ngrams([1]).losses(symbols.test.ids)
        metrics[f"unigram{label}"] = asdict(
            language.score(unigram, symbols.test, seed=seed, baseline=baseline)
        )
        kneser_ney = language.score(baseline, symbols.test, seed=seed)
        metrics[f"kneser_ney{label}"] = {**asdict(kneser_ney), "order": ngrams.order}
    return metrics, samples


def _label(symbols: Symbols, kinds: list[tuple[str, int]]) -> str:
    """Return what tells a baseline from those of other levels or vocabularies."""
    alike = [size for level, size in kinds if level == symbols.level]
    label = "" if symbols.level == "word" else f"_{symbols.level}"
    return label if len(alike) == 1 else f"{label}_{len(symbols.vocabulary)}"
