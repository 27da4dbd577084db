"""All models of word vectors, read from the folders that their stages write."""

from collections.abc import Callable
from pathlib import Path

from wordlab.embeddings.ppmi import PpmiModel
from wordlab.embeddings.vectors import load_trainings
from wordlab.evaluation.vectors.scores import Trained
from wordlab.evaluation.vectors.similarity import SparseSpace

DENSE = ("cbow", "skipgram", "glove", "ppmi_svd")


def load(
    folder: Callable[[str], Path], read: Callable[[Path], Trained] = load_trainings
) -> tuple[dict[str, Trained], PpmiModel]:
    """Return the models by name, the rows of PPMI the last of them, and the model of PPMI itself.

    folder: returns that of a model; read: reads one of dense vectors, all its trainings if not
    given.
    """
    ppmi = PpmiModel.load(folder("ppmi"))
    dense = {name: read(folder(name)) for name in DENSE}
    return {**dense, "ppmi": SparseSpace(ppmi.vocabulary, ppmi.matrix)}, ppmi
