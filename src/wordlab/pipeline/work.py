"""What each stage goes over, by its params and the size of the text: factors of its time.

They are the terms that grow with a setting, not a count of operations: of two runs of one stage,
the times should have the ratio of the products.
"""

import math
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from statistics import fmean
from typing import Any

from wordlab import artifacts
from wordlab.params.embeddings import SubwordParams, Word2vecParams
from wordlab.params.language import CELLS, NetworkParams
from wordlab.params.studies import TaskParams
from wordlab.params.sweeps import GridSweepParams, Range
from wordlab.params.whole import Params

Work = Mapping[str, float]
"""Factors by name."""

COUNTED = Path("reports/metrics/preprocess.json")
SIZES = ("tokens", "characters", "pairs", "sequences")
"""The factors that memory grows with."""
CHARACTERS = 6
"""Of a token, with the blank behind it."""
WORDS, LETTERS = 10_000, 100
"""Classes of a vocabulary without a limit, and of characters."""
ADAPTIVE = 1000
"""Classes whose full softmax takes as long as an adaptive one."""
COUNTED_FOR = 50
"""Tokens that are counted for n-grams in the time that one takes to score."""
CLIPPINGS = 3
"""Ways that the study of gradients compares: not, by norm, by value."""
NGRAMS = 20
"""Of a word, of three to six characters."""
BILLIONS = "billion multiplications"
TOKEN, UPDATE, STEP = 40_000, 25_000_000, 20
"""What is no product takes as long as so many multiplications for each token of a training, and for
each of its updates; for a batch of a task, as long as so many more steps of its sequences."""
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
    return _pairs(tokens, params.cooccurrence.window)


def _pairs(tokens: float, window: float) -> Work:
    """Return about how many different pairs of words meet: fewer are new the more there are."""
    return {"pairs": tokens**0.85 * window**0.5}


def _word2vec(params: Params, item: str, tokens: float) -> Work:
    trained: Word2vecParams = getattr(params.word2vec, item)
    return {"tokens": tokens, **_passes(trained), "seeds": params.vector_seeds}


def _passes(trained: Word2vecParams) -> Work:
    passes = {"epochs": trained.epochs, "dimensions": trained.dimensions}
    if isinstance(trained, SubwordParams):
        # its noise is four times as much, and a word's n-grams are read and changed
        rows = trained.window + 16 * trained.negatives + NGRAMS
        return {**passes, "output words and n-grams": rows}
    # the words of a block share the noise
    return {**passes, "output words": trained.window + 4 * trained.negatives}


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
    return {"tokens": tokens, "seeds": params.vector_seeds}


def _map(params: Params, item: str, tokens: float) -> Work:
    return {"words": params.word_map.words, "iterations": params.word_map.iterations}


def _words(params: Params, item: str, tokens: float) -> Work:
    network: NetworkParams = getattr(params.language_model, item)
    return {"tokens": tokens, **_network(network, tokens, _classes(params))}


def _classes(params: Params) -> int:
    return params.language_model.vocabulary_size or params.vocabulary.max_size or WORDS


def _characters(params: Params, item: str, tokens: float) -> Work:
    characters = tokens * CHARACTERS
    return {"characters": characters, **_network(params.character_model, characters, LETTERS)}


def _network(network: NetworkParams, tokens: float, classes: int) -> Work:
    """Return the passes over so many tokens, and the weights that each is multiplied with."""
    across = network.hidden_size + network.embedding_size
    inner = MATRICES.get(network.cell, 3) * network.layers * across
    outer = min(classes, ADAPTIVE) if network.adaptive_cutoffs else classes
    return {"epochs": _learnt(network, tokens) / tokens, "hidden units": network.hidden_size,
            "multiplications": inner + outer}  # fmt: skip


def _language_scores(params: Params, item: str, tokens: float) -> Work:
    scored, splits = params.language_evaluation, params.preprocess.splits
    read = tokens * (splits.valid + splits.test + splits.train / COUNTED_FOR)
    return {"tokens": read, "models": len(scored.interpolated) + len(scored.dynamic.models)}


def _windows(params: Params, item: str, tokens: float) -> Work:
    windows = params.window_study.windows
    return {"pairs": sum(product(_pairs(tokens, window)) for window in windows)}


def _shares(params: Params, item: str, tokens: float) -> Work:
    return {"tokens": tokens, "texts": sum(params.size_study.shares),
            **_passes(params.word2vec.skipgram)}  # fmt: skip


def _autoencoder(params: Params, item: str, tokens: float) -> Work:
    own = params.autoencoder
    networks = sum(len(sizes) for sizes in own.latent_sizes.values())
    return {"sequences": own.train_sequences, "length": own.max_length, "epochs": own.epochs,
            "networks": networks, "hidden units": own.hidden_size}  # fmt: skip


def _gradients(params: Params, item: str, tokens: float) -> Work:
    own, classes = params.gradient_study, _classes(params)
    plain, cut = own.training, own.truncation
    size, cut_size = plain.hidden_size, cut.hidden_size
    in_update = plain.batch_size * plain.bptt_length
    trained = len(own.initialisations) * CLIPPINGS * plain.tokens * plain.epochs
    windows = len(cut.lengths) * cut.seeds * cut.tokens * cut.epochs
    products = (
        trained * _per_token(in_update, classes, size, size)
        + windows * _per_token(cut.window_tokens, classes, cut_size, cut_size)
        + _tasks(own.tasks, 1)
    )
    return {"cells": len(CELLS), BILLIONS: products / 1e9}


def _per_token(
    in_update: int, classes: int, hidden_size: float, inputs: int, layers: int = 1
) -> float:
    """Return the multiplications of a GRU for a token to learn, and what takes as long.

    in_update: tokens of an update; classes: those that the output layer computes.
    """
    outer = min(classes, ADAPTIVE) * hidden_size
    return TOKEN + UPDATE / in_update + _weights(hidden_size, inputs, layers) + outer


def _tasks(params: TaskParams, layers: int) -> float:
    """Return the multiplications of a GRU that learns both tasks, and what takes as long."""
    steps = sum(delay + STEP for delay in params.delays) * len(params.initialisations)
    return 2 * params.steps * params.batch_size * steps * _weights(params.hidden_size, 2, layers)


def _weights(hidden_size: float, inputs: int, layers: int) -> float:
    """Return the weights of a GRU's layers, each above the first with the states for inputs."""
    return 3 * hidden_size * (inputs + hidden_size + (layers - 1) * 2 * hidden_size)


def _regularisation(params: Params, item: str, tokens: float) -> Work:
    own = params.regularisation_study
    return {"tokens": own.train_tokens, "epochs": own.epochs, "hidden units": own.hidden_size,
            "networks": len(own.cells) * len(own.methods) * own.seeds}  # fmt: skip


def _cells(params: Params, item: str, tokens: float) -> Work:
    own = params.cell_study
    classes = own.vocabulary_size or _classes(params)
    outer = min(classes, ADAPTIVE) if own.adaptive_cutoffs else classes
    # the size of a GRU of so many weights, from the equation of these
    square, linear = 3 * (2 * own.layers - 1), 3 * own.embedding_size + outer
    left = max(0, own.parameters - classes * own.embedding_size)
    size = (math.sqrt(linear**2 + 4 * square * left) - linear) / (2 * square)
    in_update = own.batch_size * own.bptt_length
    read = own.train_tokens * own.epochs * _per_token(
        in_update, outer, size, own.embedding_size, own.layers
    )  # fmt: skip
    networks = len(own.rates) + sum(map(len, own.gates.values()))
    return {"networks": networks * own.seeds,
            BILLIONS: (read + _tasks(own.tasks, own.task_layers)) / 1e9}  # fmt: skip


def _word2vec_sweep(params: Params, item: str, tokens: float) -> Work:
    own = params.sweep_word2vec
    tried = sum(combinations(own.tried(model).values()) for model in own.architectures)
    return {"tokens": tokens, "epochs": _mean(own, "epochs"),
            "dimensions": _mean(own, "dimensions"),
            "output words": _mean(own, "window") + 4 * _mean(own, "negatives"),
            "trainings": tried * own.seeds}  # fmt: skip


def _glove_sweep(params: Params, item: str, tokens: float) -> Work:
    own = params.sweep_glove
    lengths = own.grid.get("iterations", (own.fixed.get("iterations"),))
    longest = max(value for value in lengths if isinstance(value, int))  # scored on the way
    return {**_pairs(tokens, _mean(own, "window")), "iterations": longest,
            "dimensions": _mean(own, "dimensions"),
            "trainings": combinations(own.grid.values()) / len(lengths) * own.seeds}  # fmt: skip


def _ppmi_sweep(params: Params, item: str, tokens: float) -> Work:
    own = params.sweep_ppmi
    return {**_pairs(tokens, _mean(own, "window")), "dimensions": _mean(own, "dimensions"),
            "trainings": combinations(own.grid.values()) * own.seeds}  # fmt: skip


def _mean(sweep: GridSweepParams, setting: str) -> float:
    """Return the mean of the values of a setting that a sweep tries, or the one that it has."""
    tried = sweep.grid.get(setting, (sweep.fixed.get(setting),))
    return fmean(value for value in tried if isinstance(value, int | float))


def _recurrent_sweep(params: Params, item: str, tokens: float) -> Work:
    own = params.sweep_recurrent
    drawn = own.trials if own.search != "grid" else combinations(
        tried for tried in own.space.values() if not isinstance(tried, Range)
    )  # fmt: skip
    base = params.language_model.gru.model_copy(update=dict(own.fixed))
    ends = own.ends().get("hidden_size", (base.hidden_size,))
    sizes = [size for size in ends if isinstance(size, int)]
    in_update = own.update_tokens or base.batch_size * base.bptt_length
    products = sum(_per_token(in_update, _classes(params), size, size) for size in sizes)
    trials = drawn * own.seeds * own.folds * _learnt(base, min(tokens, own.tokens))
    winners = own.winner_seeds * _learnt(base, tokens)
    return {"tokens to learn": len(own.cells) * (trials + winners),
            "multiplications": products / len(sizes)}  # fmt: skip


def _learnt(network: NetworkParams, tokens: float) -> float:
    """Return how many tokens a training reads of a text of so many."""
    return min(tokens * network.epochs, network.tokens or math.inf)


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
    "sweep_ppmi": _ppmi_sweep,
    "sweep_recurrent": _recurrent_sweep,
}
"""Of each stage whose work a setting or the text decides, what it goes over."""
