"""What files call one thing and people another: models, sets, methods, measures and settings."""

import re
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd

from wordlab.params.sets import PAIRS, catalogue, named, task_of

EMBEDDINGS = {
    "skipgram": "skip-gram",
    "cbow": "CBOW",
    "subword": "subword skip-gram",
    "glove": "GloVe",
    "ppmi_svd": "PPMI-SVD",
    "ppmi": "PPMI",
}
LANGUAGE_MODELS = {
    "gru": "GRU",
    "lstm": "LSTM",
    "rnn": "RNN",
    "mingru": "minGRU",
    "minlstm": "minLSTM",
    "sru": "SRU",
    "mogrifier": "Mogrifier LSTM",
    "hgrn2": "HGRN2",
    "kneser_ney": "Kneser-Ney n-grams",
    "unigram": "unigram",
    "char": "GRU, characters",
    "kneser_ney_character": "Kneser-Ney n-grams, characters",
}
GATES = {
    "no_input": "without input gate",
    "no_forget": "without forget gate",
    "no_output": "without output gate",
    "coupled": "with coupled gates",
    "no_reset": "without reset gate",
    "no_update": "without update gate",
}
"""What is done to the gates of a cell, named behind it: `lstm no_forget`."""
ADAPTATIONS = {
    "cache": "with a cache",
    "kneser_ney": "with n-grams",
    "dynamic": "learning as it reads",
    "all": "all of these",
}
"""Other methods that a language model is scored by."""
SETS = {name: catalogue()[name].title for name in named(*PAIRS)}
METHODS = {"3cosadd": "3CosAdd", "3cosmul": "3CosMul", "pair_direction": "pair direction"}
MEASURES = {
    **SETS,
    "analogy_semantic": "semantic analogies",
    "analogy_syntactic": "syntactic analogies",
    "analogy_total": "all analogies",
    "valid_loss": "validation loss",
    "spearman": "Spearman's rho",
    "spearman_all": "Spearman's rho, unknown words at 0",
    "pearson": "Pearson's r",
    "first_share": "variance along the first direction",
    "loss_spread": "spread of the training loss",
    "loss_variance": "variance of the training loss",
    "clip_rate": "share of updates clipped",
    "context_loss": "loss with the true context",
}
UNITS = {"valid_loss": "nats per symbol", **dict.fromkeys(SETS, "Spearman's rho")}
SETTINGS = {"update_tokens": "tokens per update", "x_max": "x_max"}
WORDS = {
    **EMBEDDINGS,
    **SETS,
    **METHODS,
    **dict.fromkeys(("rnn", "lstm", "gru", "sru", "hgrn2"), ""),
    **dict.fromkeys(("bptt", "svd", "auc", "bleu", "npmi", "r2"), ""),
    "kneser": "Kneser",
    "lm": "language model",
    "mib": "MiB",
    "mingru": "minGRU",
    "minlstm": "minLSTM",
    "ney": "Ney",
    "train": "training",
    "valid": "validation",
}
"""Single words; "" where they are written in capitals."""


def model(name: str) -> str:
    """Return the name of a model as people read it."""
    known = LANGUAGE_MODELS | EMBEDDINGS
    cell, _, gates = name.partition(" ")
    return f"{known[cell]} {GATES[gates]}" if gates in GATES else known.get(name, name)


def sweep(name: str) -> str:
    """Return what a sweep is of, as people read it."""
    return {"recurrent": "networks"}.get(name) or EMBEDDINGS.get(name, name)


def plain(name: str) -> str:
    """Return the name of a model, a setting, a measure or a set as people read it."""
    known = LANGUAGE_MODELS | EMBEDDINGS | SETTINGS | MEASURES | METHODS
    if name in known:
        return known[name]
    if name.partition(" ")[2] in GATES:
        return model(name)
    if name.startswith("analogy "):
        return task(name)
    return " ".join(WORDS.get(word, word) or word.upper() for word in re.split("[_ ]", name))


def people(scores: Mapping[str, Mapping[str, Any]]) -> dict[str, dict[str, Any]]:
    """Return scores by model and measure under the names that people read."""
    return {
        model(name): {plain(measure): value for measure, value in own.items()}
        for name, own in scores.items()
    }


def column(table: "pd.DataFrame") -> "pd.DataFrame":
    """Return a table of scores, its models and measures under the names that people read."""
    return table.assign(model=table["model"].map(model), measure=table["measure"].map(plain))


def trial(name: str) -> str:
    """Return the name of a trial as people read it: for `lstm hidden_size=8 seed=1`, LSTM, hidden
    size 8, seed 1."""
    words = name.split(" ")
    model = " ".join(plain(word) for word in words if "=" not in word)
    settings = (word.partition("=") for word in words if "=" in word)
    return ", ".join([model, *(f"{plain(key)} {value}" for key, _, value in settings)])


def measure(name: str) -> str:
    """Return the name of a measure with its unit."""
    return f"{plain(name)}, {UNITS[name]}" if name in UNITS else plain(name)


def similarity(name: str) -> str:
    """Return the name of a set of word pairs as people read it."""
    return SETS.get(name, name)


def analogies(method: str) -> str:
    """Return what analogies answered by a method are called."""
    return f"analogies, {METHODS.get(method, method)}"


def kind(task: str) -> str:
    """Return what a `scores.Task` asks for: relatedness, similarity or analogies."""
    return "analogies" if task.startswith("analogy ") else task_of(task)


def task(name: str) -> str:
    """Return the name of a `scores.Task` as people read it."""
    kind, _, method = name.partition(" ")
    if kind == "analogy" and method:
        return f"analogies by {METHODS.get(method, method)}"
    return similarity(name)


def listed(names: Iterable[str], word: str = "and") -> str:
    """Return names as a sentence lists them: a, b and c."""
    *others, last = [*names] or [""]
    return f"{', '.join(others)} {word} {last}" if others else last


def chosen(settings: Mapping[str, Any]) -> str:
    """Return settings and their values as a sentence lists them: hidden size 64, rate 0.01."""
    return ", ".join(f"{plain(name)} {value}" for name, value in settings.items())
