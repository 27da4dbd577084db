"""A model and its card, written as a folder for the Hugging Face hub."""

from pathlib import Path

from wordlab import names
from wordlab.artifacts import read_json
from wordlab.embeddings.vectors import Vectors
from wordlab.errors import UserError
from wordlab.library import cards, huggingface, networks
from wordlab.library.places import LANGUAGE, NETWORK
from wordlab.library.record import record
from wordlab.params.text import PreprocessParams
from wordlab.pipeline import lockfile
from wordlab.recurrent.language_model import description


def export_vectors(
    vectors: Vectors, name: str, place: Path | None, folder: Path, repository: Path
) -> None:
    """Write word vectors and their card as `folder`.

    place: the folder of a model that they are the whole of, None for others. Raises UserError if
    a word contains white space, or `folder` has another model or other files of these names.
    """
    made = None if place is None else record(place, repository)
    preprocess = None if made is None else _preprocess(repository)
    words, dimensions = vectors.matrix.shape
    title = names.model(name) if made is None else f"{names.model(made.name)} word vectors"
    card = cards.of_vectors(title, words, dimensions, preprocess, made)
    huggingface.write_vectors(vectors, folder, card, preprocess)


def export_network(place: Path, folder: Path, repository: Path) -> None:
    """Write the language model in the folder `place`, and its card, as `folder`.

    Raises UserError if it is none, or `folder` has another model or other files of these names.
    """
    if "level" not in read_json(place / NETWORK):
        raise UserError(f"{place}: an autoencoder; expected word vectors or a language model")
    asked = networks.asked_of(place, repository)
    made = record(place, repository)
    name = names.model(place.name.removeprefix(LANGUAGE))
    preprocess = asked.preprocess if made is None else _preprocess(repository)
    model = asked.model
    card = cards.of_network(
        f"{name} language model", len(model.vocabulary), model.level,
        description(model)["parameters"], preprocess, made,
    )  # fmt: skip
    huggingface.write_network(model, folder, card, preprocess, asked.generation)


def _preprocess(repository: Path) -> PreprocessParams:
    """Return how the text was cut that the models learned from."""
    params = lockfile.stage(repository, "preprocess")["params"]["params.yaml"]
    return PreprocessParams.model_validate(params["preprocess"])
