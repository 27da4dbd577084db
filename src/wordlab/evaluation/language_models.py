"""Several language models on one held-out text, beside n-gram baselines, and what they write."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from wordlab.evaluation import language
from wordlab.evaluation.ngrams import KneserNey
from wordlab.params.recurrent import GenerationParams, LanguageEvaluationParams
from wordlab.recurrent.generation import generate
from wordlab.recurrent.language_model import LanguageModel
from wordlab.text.study_words import study_words
from wordlab.text.vocabulary import Vocabulary

PROMPTS = 3
"""How many prompts are chosen from the text where nobody named any."""

STREAMS = 16
"""The held-out text is read as so many stretches side by side; each but the first begins without
what stood before it."""


@dataclass(frozen=True, eq=False)
class Symbols:
    """The training and the held-out text in the classes of one model or several alike.

    train_ids, test_ids: int64, classes of the `vocabulary`; test_starts: int64, where the documents
    of the held-out text begin.
    """

    level: str
    vocabulary: Vocabulary = field(repr=False)
    train_ids: NDArray[np.int64] = field(repr=False)
    test_ids: NDArray[np.int64] = field(repr=False)
    test_starts: NDArray[np.int64] = field(repr=False)

    @classmethod
    def of(
        cls, model: LanguageModel, train: Sequence[str], test: Sequence[Sequence[str]]
    ) -> "Symbols":
        """Encode the sentences `train` and the documents `test` as `model` has them."""
        documents = [symbol_ids(model, sentences) for sentences in test]
        starts = np.cumsum([0, *(len(ids) for ids in documents[:-1])])
        return cls(
            model.level,
            model.vocabulary,
            symbol_ids(model, train),
            np.concatenate(documents),
            starts[: len(documents)],
        )

    def ngrams(self, order: int) -> KneserNey:
        """Return the Kneser-Ney model of the training text; order 1 is the unigram."""
        known = self.vocabulary
        return KneserNey.fit(self.train_ids, order=order, classes=known.classes, end=known.end)

    def score(self, losses: NDArray[np.floating], seed: int) -> dict[str, Any]:
        """Return the score of the held-out text's losses as numbers by name."""
        known = self.vocabulary
        return asdict(
            language.score(losses, self.test_ids, unknown=known.unknown, end=known.end, seed=seed)
        )


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
    test: Sequence[Sequence[str]],
    params: LanguageEvaluationParams,
    generation: GenerationParams,
    *,
    seed: int,
) -> tuple[dict[str, Any], list[dict[str, str]]]:
    """Return scores by model and baseline, and a sample of each model for each prompt.

    train: sentences; test: documents of sentences. Models of the same symbols share their
    baselines: `unigram` and `kneser_ney`, named with the level and the number of symbols where
    there are several kinds.
    """
    metrics: dict[str, Any] = {}
    samples: list[dict[str, str]] = []
    beginnings = prompts_of_words(models.values(), generation.prompts)
    kinds: dict[tuple[str, int], tuple[Symbols, KneserNey]] = {}
    for name, model in models.items():
        kind = (model.level, len(model.vocabulary))
        if kind not in kinds:
            symbols = Symbols.of(model, train, test)
            kinds[kind] = symbols, symbols.ngrams(getattr(params.ngram_order, model.level))
        symbols, ngrams = kinds[kind]
        prompts = known_prompts(model, beginnings)
        texts = [
            generate(model, prompt, generation.length, generation, seed=seed) for prompt in prompts
        ]
        written = symbol_ids(model, [line for text in texts for line in text.splitlines()])
        metrics[name] = {
            **symbols.score(_losses(model, symbols), seed),
            "generated": {
                **asdict(language.score_generated(written, symbols.train_ids, ngrams)),
                "prompts": len(prompts),
                "prompts_left_out": len(set(generation.prompts or ()) - set(prompts)),
            },
        }
        samples += [
            {"model": name, "prompt": prompt, "text": text}
            for prompt, text in zip(prompts, texts, strict=True)
        ]
    for symbols, ngrams in kinds.values():
        label = _label(symbols, list(kinds))
        unigram = symbols.ngrams(1)
        metrics[f"unigram{label}"] = symbols.score(unigram.losses(symbols.test_ids), seed)
        metrics[f"kneser_ney{label}"] = symbols.score(ngrams.losses(symbols.test_ids), seed)
    return metrics, samples


def _losses(model: LanguageModel, symbols: Symbols) -> NDArray[np.float32]:
    return model.token_losses(
        symbols.test_ids, streams=STREAMS, document_starts=symbols.test_starts
    )


def _label(symbols: Symbols, kinds: list[tuple[str, int]]) -> str:
    """Return what tells a baseline from those of other levels or vocabularies."""
    alike = [size for level, size in kinds if level == symbols.level]
    label = "" if symbols.level == "word" else f"_{symbols.level}"
    return label if len(alike) == 1 else f"{label}_{len(symbols.vocabulary)}"
