"""The evaluation sets that params ask for."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from wordlab import downloads, paths
from wordlab.errors import UserError
from wordlab.evaluation.vectors import by_name, listed, similarity
from wordlab.evaluation.vectors.analogy import Questions
from wordlab.evaluation.vectors.further import Related, read_relations
from wordlab.evaluation.vectors.similarity import WordPairs
from wordlab.params.embeddings import EvaluationParams, RelationParams, WordPairsParams

ANALOGIES = by_name.ANALOGIES
RELATIONS = "relations"
_RELATIONS = "wordlab_en"  # the relations that null stands for


@dataclass(frozen=True, eq=False)
class EvaluationSets:
    """What models are scored on: sets of word pairs, and analogy questions."""

    pairs: tuple[WordPairs, ...]
    questions: Questions


NO_SETS = EvaluationSets((), by_name.NO_QUESTIONS)


def read_sets(params: EvaluationParams) -> EvaluationSets:
    """Read the sets that `params` names, fetching those that are not here yet.

    Those of the catalogue whose server cannot be reached are left out, with a notice; in a stage
    that is held to a list, those that are not in it (`listed`). Raises UserError if another cannot
    be fetched or read, or is not as listed.
    """
    places = {name: place for name, place in _places(params).items() if listed.has(name, place)}
    found = by_name.all_there(place for place in places.values() if isinstance(place, str))
    for name, place in places.items():
        if isinstance(place, Path):
            found[name] = similarity.read_pairs(place, name)
    pairs = (found.get(name) for name in places)
    questions = by_name.questions(params.analogies.path)
    return EvaluationSets(tuple(one for one in pairs if isinstance(one, WordPairs)), questions)


def read_related(params: RelationParams) -> Mapping[str, list[tuple[str, str]]]:
    """Return the pairs of words by relation that `params` names, none if they are not there."""
    place = by_name.path_or_name(params.path, _RELATIONS)
    if place is None or not listed.has(RELATIONS, place):
        return {}
    if isinstance(place, Path):
        return read_relations(place)
    found = by_name.all_there([place]).get(place)
    if not isinstance(found, Related | None):
        raise UserError(f"comparison.relations.path: expected relations; {place} has none")
    return found.by_relation() if found else {}


def digests(params: EvaluationParams, relations: RelationParams | None = None) -> dict[str, str]:
    """Return the `listed.digest` of each set that params name and that can be read, by its name."""
    named: dict[str, str | Path | None] = {**_places(params)}
    named[ANALOGIES] = by_name.path_or_name(params.analogies.path, by_name.GOOGLE)
    if relations is not None:
        named[RELATIONS] = by_name.path_or_name(relations.path, _RELATIONS)
    places = {name: place for name, place in named.items() if place is not None}
    found = {
        name: listed.digest(place) for name, place in places.items() if listed.has(name, place)
    }
    return {name: digest for name, digest in found.items() if digest}


def _places(params: EvaluationParams) -> dict[str, str | Path]:
    """Return where each set of word pairs is, by its name."""
    return {item.name: _place(item) for item in params.similarity}


def _place(pairs: WordPairsParams) -> str | Path:
    """Return the path of a set of word pairs, or its name in the catalogue."""
    if pairs.url is not None and pairs.sha256 is not None:
        return downloads.cached(pairs.url, pairs.sha256)
    return pairs.name if pairs.path is None else paths.given(pairs.path)
