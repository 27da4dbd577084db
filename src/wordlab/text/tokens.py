"""From raw text to normalised tokens, a unit (sentence or document) a line: plainly, in Python.

What a token is is said here. `tokenising` finds the same tokens faster, and comes here for those
of nltk and for texts whose characters depend on one another.
"""

import unicodedata
from collections.abc import Callable, Iterable
from typing import Any

import regex

from wordlab.params.text import PreprocessParams

_WORD = r"[\p{L}\p{N}][\p{L}\p{N}\p{M}]*"
TOKEN_PATTERNS = {
    # runs of letters of any script, with the marks that combine with them
    "letters": regex.compile(r"\p{L}[\p{L}\p{M}]*"),
    # a word or number with inner apostrophes, hyphens, points or commas; or one mark
    "words_and_punctuation": regex.compile(
        rf"{_WORD}(?:['’.,-]{_WORD})*|[^\s\p{{L}}\p{{N}}\p{{M}}]"
    ),
    # Latin words, accents kept: don't and o'clock are one, as are café and naïve
    "english": regex.compile(r"\p{Latin}+(?:['’]\p{Latin}+)*"),
    # Latin words, accents and ñ kept; 1.º and 2.ª leave their sign out, as ª and º alone do
    "spanish": regex.compile(r"(?:(?![ªº])\p{Latin})+"),
}
_OPENING = r"""["'“‘«(\[¿¡]*"""
SENTENCE_END = regex.compile(
    rf"""[.!?]["'”’»)\]]*(?<!\b\p{{L}}\.)\K[^\S\n]+(?={_OPENING}[\p{{Lu}}\p{{Lt}}\p{{Lo}}\p{{N}}])"""
)
"""The space between a mark that ends sentences, initials (`H. N.`) excepted, and a capital or a
digit."""
DIGIT = regex.compile(r"\p{Nd}")


def lines(text: str, params: PreprocessParams) -> list[str]:
    """Return the sentences of `text`, or the whole of it, as tokens in NFC apart by single spaces.

    A line of the text never joins the next one in a sentence. What has no token is left out.
    """
    text = "\n".join(text.splitlines())
    text = SENTENCE_END.sub("\n", text) if params.units == "sentences" else text.replace("\n", " ")
    if params.lowercase:
        text = text.lower()
    if not text.isascii():
        text = unicodedata.normalize("NFC", text)
    if params.numbers == "zeros":
        text = DIGIT.sub("0", text)
    found = _found(text.split("\n"), params.tokens)
    if params.numbers == "drop":
        found = ([token for token in tokens if not DIGIT.search(token)] for tokens in found)
    return [" ".join(tokens) for tokens in found if tokens]


def _found(units: list[str], kind: str) -> Iterable[list[str]]:
    """Return the tokens of each unit, none of which has a space in it."""
    if kind.startswith("nltk:"):
        tokenise = _nltk(kind.removeprefix("nltk:"))
        return (" ".join(tokenise(unit)).split() for unit in units)
    return map(TOKEN_PATTERNS[kind].findall, units)


def _nltk(name: str) -> Callable[[str], list[str]]:
    from nltk import tokenize

    if name not in _MADE:
        _MADE[name] = getattr(tokenize, name)()
    return _MADE[name].tokenize


_MADE: dict[str, Any] = {}
"""Tokenisers of nltk, which are slow to make."""


def counts(found: Iterable[str]) -> tuple[int, int]:
    """Return how many lines and tokens there are."""
    sizes = [line.count(" ") + 1 for line in found]
    return len(sizes), sum(sizes)
