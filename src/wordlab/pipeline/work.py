"""What each stage goes over, by its params and the size of the text: factors of its time.

They are the terms that grow with a setting, not a count of operations: of two runs of one stage,
the times should have the ratio of the products.
"""

import math
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from wordlab import artifacts
from wordlab.params.embeddings import Word2vecParams
from wordlab.params.language import NetworkParams
from wordlab.params.sweeps import Range
from wordlab.params.whole import Params

Work = Mapping[str, float]
"""Factors by name."""

COUNTED = Path("reports/metrics/preprocess.json")
SIZES = ("tokens", "characters", "dimensions", "hidden units", "sequences")
"""The factors that memory grows with."""
CHARACTERS = 6
"""Of a token, with the blank behind it."""
WORDS, LETTERS = 10_000, 100
"""Classes of a vocabulary without a limit, and of characters."""
ADAPTIVE = 1000
"""Classes whose full softmax takes as long as an adaptive one."""
MATRICES = {"rnn": 1, "gru": 3, "lstm": 4, "mingru": 2, "minlstm": 3, "sru": 3, "mogrifier": 5}
"""Matrices of a cell; of any other, as many as a GRU has."""


def work(stage: str, params: Params, tokens: float) -> Work:
    """Return what a stage goes over, of a text of so many tokens; nothing where that is fixed."""
    base, _, item = stage.partition("@")
    return FACTORS[base](params, item, tokens) if base in FACTORS else {}


def counted() -> float | None:
    """Return the tokens of the text as `preprocess` counted them last, None if it has not."""
    if not COUNTED.exists():
        return None
    return float(sum(split["tokens"] for split in artifacts.read_json(COUNTED).values()))


def product(work: Work) -> float:
    """Return the product that time grows with."""
    return math.prod(work.values())


def size(work: Work) -> float:
    """Return the product that memory grows with."""
    return math.prod(value for name, value in work.items() if name in SIZES)


def _text(params: Params, item: str, tokens: float) -> Work:
    return {"tokens": tokens}


def _counts(params: Params, item: str, tokens: float) -> Work:
    return {"tokens": tokens, "window": params.cooccurrence.window}


def _word2vec(params: Params, item: str, tokens: float) -> Work:
    trained: Word2vecParams = getattr(params.word2vec, item)
    return {"tokens": tokens, **_passes(trained), "seeds": params.vector_seeds}


def _passes(trained: Word2vecParams) -> Work:
    return {
        "epochs": trained.epochs,
        "dimensions": trained.dimensions,
        "window": trained.window,
        "noise": trained.negatives + 1,
    }


def _ppmi(params: Params, item: str, tokens: float) -> Work:
    return {**_counts(params, item, tokens), "dimensions": params.ppmi.dimensions,
            "seeds": params.vector_seeds}  # fmt: skip


def _drawn_word2vec(params: Params, item: str, tokens: float) -> Work:
    return {"tokens": tokens, **_passes(params.word2vec.skipgram), "draws": params.draws.count}


def _drawn_ppmi(params: Params, item: str, tokens: float) -> Work:
    return {**_counts(params, item, tokens), "dimensions": params.ppmi.dimensions,
            "draws": params.draws.count}  # fmt: skip


def _neighbours(params: Params, item: str, tokens: float) -> Work:
    return {"draws": params.draws.count}


def _glove(params: Params, item: str, tokens: float) -> Work:
    return {**_counts(params, item, tokens), "iterations": params.glove.iterations,
            "dimensions": params.glove.dimensions, "seeds": params.vector_seeds}  # fmt: skip


def _scores(params: Params, item: str, tokens: float) -> Work:
    return {"seeds": params.vector_seeds}


def _map(params: Params, item: str, tokens: float) -> Work:
    return {"words": params.word_map.words, "iterations": params.word_map.iterations}


def _words(params: Params, item: str, tokens: float) -> Work:
    classes = params.language_model.vocabulary_size or params.vocabulary.max_size or WORDS
    return {"tokens": tokens, **_network(getattr(params.language_model, item), classes)}


def _characters(params: Params, item: str, tokens: float) -> Work:
    return {"characters": tokens * CHARACTERS, **_network(params.character_model, LETTERS)}


def _network(network: NetworkParams, classes: int) -> Work:
    """Return the passes over the text, and the weights that a token is multiplied with."""
    across = network.hidden_size + network.embedding_size
    inner = MATRICES.get(network.cell, 3) * network.layers * across
    outer = min(classes, ADAPTIVE) if network.adaptive_cutoffs else classes
    return {"epochs": network.epochs, "hidden units": network.hidden_size,
            "multiplications": inner + outer}  # fmt: skip


def _language_scores(params: Params, item: str, tokens: float) -> Work:
    scored = params.language_evaluation
    return {"tokens": tokens, "models": len(scored.interpolated) + len(scored.dynamic.models)}


def _windows(params: Params, item: str, tokens: float) -> Work:
    return {"tokens": tokens, "windows": sum(params.window_study.windows)}


def _shares(params: Params, item: str, tokens: float) -> Work:
    return {"tokens": tokens, "texts": sum(params.size_study.shares),
            **_passes(params.word2vec.skipgram)}  # fmt: skip


def _autoencoder(params: Params, item: str, tokens: float) -> Work:
    own = params.autoencoder
    networks = sum(len(sizes) for sizes in own.latent_sizes.values())
    return {"sequences": own.train_sequences, "length": own.max_length, "epochs": own.epochs,
            "networks": networks, "hidden units": own.hidden_size}  # fmt: skip


def _gradients(params: Params, item: str, tokens: float) -> Work:
    own = params.gradient_study
    cut, tasks = own.truncation, own.tasks
    trained = (
        own.training.tokens * own.training.epochs
        + cut.tokens * cut.epochs * len(cut.lengths) * cut.seeds
        + tasks.steps * sum(tasks.delays) * len(tasks.initialisations)  # a batch as one
    )
    return {"steps": trained}


def _regularisation(params: Params, item: str, tokens: float) -> Work:
    own = params.regularisation_study
    return {"tokens": own.train_tokens, "epochs": own.epochs, "hidden units": own.hidden_size,
            "networks": len(own.cells) * len(own.methods) * own.seeds}  # fmt: skip


def _cells(params: Params, item: str, tokens: float) -> Work:
    own = params.cell_study
    return {"tokens": own.train_tokens, "epochs": own.epochs, "weights": own.parameters,
            "networks": len(own.rates) * own.seeds}  # fmt: skip


def _word2vec_sweep(params: Params, item: str, tokens: float) -> Work:
    own = params.sweep_word2vec
    tried = sum(combinations({**own.grid, **grid}.values()) for grid in own.architectures.values())
    fixed = params.word2vec.skipgram.model_copy(update=dict(own.fixed))
    return {"tokens": tokens, **_passes(fixed), "trainings": tried * own.seeds}


def _glove_sweep(params: Params, item: str, tokens: float) -> Work:
    own = params.sweep_glove
    fixed = params.glove.model_copy(update=dict(own.fixed))
    return {**_counts(params, item, tokens), "iterations": fixed.iterations,
            "dimensions": fixed.dimensions,
            "trainings": combinations(own.grid.values()) * own.seeds}  # fmt: skip


def _recurrent_sweep(params: Params, item: str, tokens: float) -> Work:
    own = params.sweep_recurrent
    drawn = own.trials if own.search != "grid" else combinations(
        tried for tried in own.space.values() if not isinstance(tried, Range)
    )  # fmt: skip
    base = params.language_model.gru.model_copy(update=dict(own.fixed))
    return {"tokens": min(tokens, own.tokens), "epochs": base.epochs,
            "trainings": len(own.cells) * drawn * own.seeds * own.folds}  # fmt: skip


def combinations(tried: Iterable[Any]) -> int:
    """Return how many combinations there are of settings that take so many values each."""
    return math.prod(map(len, tried))


FACTORS: Mapping[str, Callable[[Params, str, float], Work]] = {
    "download": _text,
    "preprocess": _text,
    "build_vocab": _text,
    "cooccurrence": _counts,
    "train_word2vec": _word2vec,
    "train_ppmi": _ppmi,
    "train_glove": _glove,
    "evaluate_embeddings": _scores,
    "map_embeddings": _map,
    "draw_word2vec": _drawn_word2vec,
    "draw_ppmi": _drawn_ppmi,
    "study_neighbours": _neighbours,
    "train_lm": _words,
    "train_char_lm": _characters,
    "evaluate_lm": _language_scores,
    "study_windows": _windows,
    "study_sizes": _shares,
    "study_autoencoder": _autoencoder,
    "study_gradients": _gradients,
    "study_regularisation": _regularisation,
    "study_cells": _cells,
    "sweep_word2vec": _word2vec_sweep,
    "sweep_glove": _glove_sweep,
    "sweep_recurrent": _recurrent_sweep,
}
"""Of each stage whose work a setting or the text decides, what it goes over."""
