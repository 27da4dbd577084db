"""What the pipeline made, or an export, opened by its name."""

from pathlib import Path
from typing import Literal

from wordlab.artifacts import damaged, read_json
from wordlab.corpus.vocabulary import Vocabulary
from wordlab.embeddings import draws, fasttext, reading
from wordlab.embeddings.counts.cooccurrence import Counts
from wordlab.embeddings.draws import Draws
from wordlab.embeddings.ngrams import NGRAMS, Subwords
from wordlab.embeddings.ppmi import PpmiModel
from wordlab.embeddings.vectors import Vectors
from wordlab.errors import UserError
from wordlab.library import huggingface, places
from wordlab.library.networks import TextModel, asked_of
from wordlab.library.places import DRAWS, EXPORTED, MARKS, MODELS, NETWORK, PROCESSED, ROWS, VECTORS
from wordlab.library.words import PpmiRows, WordVectors
from wordlab.studies.autoencoder.network import Autoencoder

Opened = WordVectors | PpmiRows | TextModel | Autoencoder | Vocabulary | Counts


def open(name: str | Path, repository: str | Path | None = None) -> Opened:
    """Return what the pipeline made, by name, or what a folder or a file of vectors holds.

    name: a model, such as `skipgram`, `ppmi`, `lm_gru`, `skipgram/seed_2` or
    `autoencoders/gru_16`; `vocabulary` or `counts`; the path of a folder that the pipeline or
    `wordlab export … huggingface` wrote; or of a file of vectors, packed or not. repository: the
    folder of dvc.yaml; the one around the current folder if not given.

    Word vectors open as `WordVectors`, PPMI as `PpmiRows`, language models as `TextModel`.
    Raises UserError, in one line, where there is no such name, with those there are, or where a
    file is damaged.
    """
    root, wanted = places.repository(repository), str(name)
    if wanted == "vocabulary":
        return Vocabulary.load(root / PROCESSED / "vocabulary.tsv")
    if wanted == "counts":
        return Counts.load(root / PROCESSED / "counts")
    if not reading.archive_of(Path(wanted)):
        place = places.folder(wanted, root, Path(), MARKS)
        if (place / NETWORK).is_file():
            return _network(place, root)
    return words(wanted, root, Path())


def words(
    name: str,
    repository: Path,
    start: Path,
    limit: int | None = None,
    undecodable: Literal["replace", "drop"] = "replace",
) -> WordVectors | PpmiRows:
    """Return a model of words by name, or as a path seen from `start`: a folder, or a file.

    limit: only so many of the first words; undecodable: what becomes of bytes in a file that are
    not UTF-8. Raises UserError as `open`.
    """
    if reading.archive_of(start / name):
        if fasttext.is_binary(start / name):
            model = fasttext.read_with_notice(start / name, limit)
            return WordVectors(name, model.vectors, subwords=model.subwords)
        return WordVectors(name, reading.read(start / name, limit, undecodable))
    place = places.folder(name, repository, start, (VECTORS, EXPORTED, ROWS))
    if (place / ROWS).is_file():
        return PpmiRows(name, PpmiModel.load(place), limit)
    exported = (place / EXPORTED).is_file()
    found = huggingface.read(place) if exported else Vectors.load(place)
    if limit is not None:
        known = found.vocabulary.truncated(limit)
        found = Vectors(known, found.matrix[:limit], found.description)
    subwords = Subwords.load(place) if (place / NGRAMS).is_file() else None
    if subwords and subwords.rows.shape[1] != found.matrix.shape[1]:
        raise damaged(place / NGRAMS, f"{subwords.rows.shape[1]} dimensions")
    return WordVectors(name, found, _drawn(place, found), subwords)


def _drawn(place: Path, vectors: Vectors) -> Draws | None:
    """Return the draws of the model in a folder, None unless they are of the same text and model.

    A model trained again with other settings, while its draws were not, has none.
    """
    models, drawn = place.parent, place.parent.parent / DRAWS.name / place.name
    if models.name != MODELS.name or not (drawn / draws.ROWS).is_file():
        return None
    found = Draws.load(drawn)
    return found if found.are_of(vectors) else None


def _network(place: Path, repository: Path) -> TextModel | Autoencoder:
    """Return the language model or the autoencoder of a folder."""
    described = read_json(place / NETWORK)
    if not isinstance(described, dict):
        raise UserError(f"{place / NETWORK}: expected the settings of a network")
    return asked_of(place, repository) if "level" in described else Autoencoder.load(place)
