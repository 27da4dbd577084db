"""All models of word vectors, read from the folders that their stages write."""

from collections.abc import Callable
from pathlib import Path

from wordlab.embeddings.ppmi import PpmiModel
from wordlab.embeddings.vectors import Vectors, load_trainings
from wordlab.evaluation.vectors.scores import Trained
from wordlab.evaluation.vectors.similarity import DenseSpace, SparseSpace

DENSE = ("cbow", "skipgram", "subword", "glove", "ppmi_svd")
SHOWN = ("skipgram", "cbow", "glove", "ppmi_svd")
"""Those that maps and the explorer have room for, in the order in which a page offers them."""


def load(folder: Callable[[str], Path]) -> tuple[dict[str, Trained], PpmiModel]:
    """Return all trainings of each model, the rows of PPMI last, and the model of PPMI itself.

    folder: returns that of a model.
    """
    ppmi = PpmiModel.load(folder("ppmi"))
    dense = {name: load_trainings(folder(name)) for name in DENSE}
    return {**dense, "ppmi": SparseSpace(ppmi.vocabulary, ppmi.matrix)}, ppmi


def spaces(folder: Callable[[str], Path]) -> dict[str, DenseSpace | SparseSpace]:
    """Return the first training of each model shown, the rows of PPMI last."""
    ppmi = PpmiModel.load(folder("ppmi"))
    dense = {name: DenseSpace(Vectors.load(folder(name))) for name in SHOWN}
    return {**dense, "ppmi": SparseSpace(ppmi.vocabulary, ppmi.matrix)}
