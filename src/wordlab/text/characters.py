"""What each Unicode code point is to the tokeniser: tables that its kernel reads.

They are taken from `regex` and Python's own Unicode data, so that the kernel agrees with
`tokens.lines` about every character.
"""

import unicodedata
from dataclasses import dataclass
from functools import cache

import numpy as np
import regex
from numpy.typing import NDArray

from wordlab.text import tokenising_kernels as flags

CODES = 0x110000
BLOCK = 256
"""Code points looked at together for whether any of them has a decomposition."""
SIGMA = 0x3A3
"""Σ: in lower case ς at the end of a word and σ elsewhere."""
DOTTED_I = 0x130
"""İ: in lower case i and a combining dot, the only letter that becomes two characters."""


@dataclass(frozen=True, eq=False)
class Characters:
    """Of each code point, flags: uint32 (0x110000,), and what is written for it: int32, the same.

    The flags of words are those of what is written, the flags of sentences of what is read.
    """

    flags: NDArray[np.uint32]
    written: NDArray[np.int32]


@cache
def characters(tokens: str, lowercase: bool, zeros: bool) -> Characters:
    """Return the tables for a kind of token of `tokens.TOKEN_PATTERNS`.

    lowercase: of upper-case letters the lower is written. zeros: of each digit 0 is.
    """
    every = _every()
    written = np.arange(CODES, dtype=np.int32)
    if lowercase:
        plain = every.replace(chr(SIGMA), " ").replace(chr(DOTTED_I), "i").lower()
        written = np.frombuffer(plain.encode("utf-32-le"), dtype=np.int32).copy()
        written[SIGMA] = SIGMA
    of_words = _words(tokens)
    of_words[_doubtful()] |= flags.DOUBTFUL
    if lowercase:
        of_words[SIGMA] |= flags.CONTEXT
    sentences = _sentences()
    found = np.where(sentences == flags.LINE, flags.LINE, of_words[written] | sentences)
    if lowercase:
        found[DOTTED_I] |= flags.DOTTED
    if zeros:
        written[_marked(r"\p{Nd}+")] = ord("0")
    return Characters(found, written)


def _every() -> str:
    """Return all code points in order, a space for those of surrogates."""
    codes = np.arange(CODES, dtype="<u4")
    codes[0xD800:0xE000] = ord(" ")
    return codes.tobytes().decode("utf-32-le")


def _marked(pattern: str) -> NDArray[np.bool_]:
    """Return which code points are in the runs that a pattern finds."""
    marked = np.zeros(CODES, dtype=bool)
    for found in regex.finditer(pattern, _every()):
        marked[slice(*found.span())] = True
    return marked


def _words(tokens: str) -> NDArray[np.uint32]:
    """Return the flags that say what a character is in a word."""
    start, inner, joiners, alone = {
        "letters": (r"\p{L}+", r"[\p{L}\p{M}]+", "", ""),
        "words_and_punctuation": (
            r"[\p{L}\p{N}]+", r"[\p{L}\p{N}\p{M}]+", "'’.,-", r"[^\s\p{L}\p{N}\p{M}]+",
        ),
        "english": (r"\p{Latin}+", r"\p{Latin}+", "'’", ""),
        "spanish": (r"(?:(?![ªº])\p{Latin})+", r"(?:(?![ªº])\p{Latin})+", "", ""),
    }[tokens]  # fmt: skip
    found = np.zeros(CODES, dtype=np.uint32)
    found[_marked(start)] |= flags.START
    found[_marked(inner)] |= flags.INNER
    found[[ord(joiner) for joiner in joiners]] |= flags.JOINER
    if alone:
        found[_marked(alone)] |= flags.ALONE
    found[_marked(r"\p{Nd}+")] |= flags.DIGIT
    return found


@cache
def _sentences() -> NDArray[np.uint32]:
    """Return the flags that tell where sentences end: those of `tokens.SENTENCE_END`."""
    found = np.zeros(CODES, dtype=np.uint32)
    for flag, pattern in (
        (flags.END, "[.!?]"),
        (flags.CLOSER, r"""["'”’»)\]]+"""),
        (flags.OPENER, r"""["'“‘«(\[¿¡]+"""),
        (flags.SPACE, r"\s+"),
        (flags.CAPITAL, r"[\p{Lu}\p{Lt}\p{Lo}\p{N}]+"),
        (flags.LETTER, r"\p{L}+"),
        (flags.WORD, r"\w+"),
    ):
        found[_marked(pattern)] |= flag
    ends = [
        code for code in (*range(0x100), 0x2028, 0x2029) if len(f"a{chr(code)}a".splitlines()) > 1
    ]
    found[ends] = flags.LINE
    return found


@cache
def _doubtful() -> NDArray[np.bool_]:
    """Return which characters may not stand in a text in NFC as they are.

    Those that are not in NFC alone, that may join the one before, or may have to change places
    with it. A text without them is in NFC (Unicode Standard Annex 15, section 9).
    """
    doubtful = np.zeros(CODES, dtype=bool)
    every = _every()
    for at in range(0, CODES, BLOCK):
        block = every[at : at + BLOCK]
        if not unicodedata.is_normalized("NFD", block):
            for place, character in enumerate(block, at):
                doubtful[place] |= not unicodedata.is_normalized("NFC", character)
                joined = unicodedata.normalize("NFD", character)[1:]
                doubtful[[ord(part) for part in joined]] = True
    marks = np.flatnonzero(_marked(r"\p{M}+"))
    doubtful[[code for code in marks if unicodedata.combining(chr(code))]] = True
    return doubtful
