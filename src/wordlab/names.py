"""What is called one thing in files and another by people: models, sets and methods."""

EMBEDDINGS = {
    "skipgram": "skip-gram",
    "cbow": "CBOW",
    "glove": "GloVe",
    "ppmi_svd": "PPMI-SVD",
    "ppmi": "PPMI",
}
LANGUAGE_MODELS = {
    "gru": "GRU",
    "lstm": "LSTM",
    "rnn": "RNN",
    "kneser_ney": "Kneser-Ney n-grams",
    "unigram": "unigram",
    "char": "GRU, characters",
    "kneser_ney_character": "Kneser-Ney n-grams, characters",
}
SETS = {"wordsim353": "WordSim-353", "simlex999": "SimLex-999"}
METHODS = {"3cosadd": "3CosAdd", "3cosmul": "3CosMul", "pair_direction": "pair direction"}

SCORES = {
    **SETS,
    "analogy_semantic": "semantic analogies",
    "analogy_syntactic": "syntactic analogies",
    "analogy_total": "all analogies",
    "valid_loss": "validation loss",
}
"""Scores that sweeps are judged by."""


def model(name: str) -> str:
    """Return the name of a model as people read it."""
    return (LANGUAGE_MODELS | EMBEDDINGS).get(name, name)


def score(name: str) -> str:
    """Return the name of a sweep's score as people read it."""
    return SCORES.get(name, name)


def similarity(name: str) -> str:
    """Return the name of a set of word pairs as people read it."""
    return SETS.get(name, name)


def analogies(method: str) -> str:
    """Return what analogies answered by a method are called."""
    return f"analogies, {METHODS.get(method, method)}"


def task(name: str) -> str:
    """Return the name of a `scores.Task` as people read it."""
    kind, _, method = name.partition(" ")
    if kind == "analogy" and method:
        return f"analogies by {METHODS.get(method, method)}"
    return similarity(name)


def listed(names: list[str]) -> str:
    """Return names as a sentence lists them: a, b and c."""
    return " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)
