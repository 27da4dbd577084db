"""Pairs of words in known relations from WordNet (Miller 1995), by way of nltk."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import Any

from wordlab.errors import UserError


def reader() -> Any:
    """Return nltk's reader of WordNet. Raises UserError if nltk or WordNet is not installed."""
    try:
        from nltk.corpus import wordnet

        wordnet.ensure_loaded()
    except (ImportError, LookupError):
        raise UserError(
            "comparison.relations.wordnet: nltk's WordNet is not installed; `pip install nltk` and "
            "`python -m nltk.downloader wordnet` install it"
        ) from None
    return wordnet


def extend(
    pairs: dict[str, list[tuple[str, str]]], words: Sequence[str], n: int, wordnet: Any
) -> dict[str, list[tuple[str, str]]]:
    """Return `pairs` with up to `n` more in each relation that WordNet knows.

    words: by falling frequency; the pairs of the commonest come first. Words stand for the sense
    that WordNet names first, and a pair that `pairs` has already, in any relation, is left out.
    """
    known = set(words)
    taken = {frozenset(pair) for listed in pairs.values() for pair in listed}
    result = {relation: list(listed) for relation, listed in pairs.items()}
    for relation, related in RELATED.items():
        found = _pairs(words, known, related, wordnet, taken)
        result[relation] = [*result.get(relation, []), *islice(found, n)]
    return result


def _pairs(
    words: Iterable[str], known: set[str], related: Any, wordnet: Any, taken: set[frozenset[str]]
) -> Iterator[tuple[str, str]]:
    for word in words:
        sense = _first_sense(word, wordnet)
        if sense is None:
            continue
        for other, expected in related(word, sense):
            pair = frozenset((word, other))
            if other not in known or len(pair) < 2 or pair in taken:
                continue
            if _first_sense(other, wordnet) == expected:
                taken.add(pair)
                yield word, other


def _first_sense(word: str, wordnet: Any) -> Any:
    senses = wordnet.synsets(word)
    own = [sense for sense in senses[:1] if word in sense.lemma_names()]  # no inflected forms
    return own[0] if own else None


def _synonyms(word: str, sense: Any) -> Iterator[tuple[str, Any]]:
    yield from ((name, sense) for name in sense.lemma_names())


def _antonyms(word: str, sense: Any) -> Iterator[tuple[str, Any]]:
    for lemma in sense.lemmas():
        if lemma.name() == word:
            yield from ((other.name(), other.synset()) for other in lemma.antonyms())


def _hypernyms(word: str, sense: Any) -> Iterator[tuple[str, Any]]:
    for wider in sense.hypernyms():
        yield from ((name, wider) for name in wider.lemma_names())


def _co_hyponyms(word: str, sense: Any) -> Iterator[tuple[str, Any]]:
    for wider in sense.hypernyms():
        for other in wider.hyponyms():
            if other != sense:
                yield from ((name, other) for name in other.lemma_names())


RELATED = {
    "synonyms": _synonyms,
    "antonyms": _antonyms,
    "hypernyms": _hypernyms,
    "co-hyponyms": _co_hyponyms,
}
"""What gives the words in each relation to a sense of a word, each with the sense it must have."""
