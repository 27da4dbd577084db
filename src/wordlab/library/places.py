"""Where the models of a repository are, by name."""

from collections.abc import Collection
from pathlib import Path

from wordlab import paths
from wordlab.errors import UserError

MODELS = Path("data/models")
DRAWS = Path("data/draws")
"""What models make of draws of the documents, by the name of each."""
PROCESSED = Path("data/processed")
LANGUAGE = "lm_"
"""What the folders of language models begin with."""
VECTORS = "vectors.npy"
ROWS = "indptr.npy"
"""What the folder of a sparse matrix has."""
NETWORK = "model.json"
"""What the folder of a language model or an autoencoder has."""
EXPORTED = "modules.json"
"""What a folder of word vectors has that was written for Hugging Face."""
MARKS = (VECTORS, EXPORTED, ROWS, NETWORK)


def repository(given: str | Path | None) -> Path:
    """Return `given`, else the checkout around the current folder, else that of this code.

    Raises UserError if there is none.
    """
    if given is not None:
        return Path(given)
    found = paths.checkout(Path.cwd()) or paths.checkout(Path(__file__).resolve().parent)
    if found is None:
        raise UserError(
            f"{Path.cwd()}: in no checkout of wordlab; expected `repository`, the folder of one"
        )
    return found


def made(repository: Path, marks: Collection[str], prefix: str = "") -> list[str]:
    """Return the names of the models that have one of the files `marks`, without `prefix`."""
    found = [(repository / MODELS).glob(f"{prefix}*/{mark}") for mark in marks]
    return sorted({path.parent.name.removeprefix(prefix) for paths in found for path in paths})


def find(model: str, repository: Path, start: Path, marks: Collection[str]) -> Path | None:
    """Return the folder of a model that has one of the files `marks`, None if there is none.

    model: a name, a language model's with or without `lm_`, or a path seen from `start`.
    """
    models = repository / MODELS
    for path in (start / model, models / model, models / f"{LANGUAGE}{model}"):
        if any((path / mark).is_file() for mark in marks):
            return path
    return None


def folder(
    model: str, repository: Path, start: Path, marks: Collection[str], prefix: str = ""
) -> Path:
    """Return what `find` does. Raises UserError with the names there are, without `prefix`."""
    found = find(model, repository, start, marks)
    if found is None:
        names = made(repository, marks, prefix)
        hint = f"expected one of {', '.join(names)}" if names else "`make repro` trains the models"
        raise UserError(f"{model}: no such model; {hint}")
    return found
