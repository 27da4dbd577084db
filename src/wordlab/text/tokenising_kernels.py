"""Sentences and tokens of UTF-8 text, straight from its bytes: one pass, compiled by numba.

The tables that classify code points are built with `regex` and Python's own Unicode data, so that
the kernel agrees with `preprocess.lines` about every character.
"""

import unicodedata
from dataclasses import dataclass
from functools import cache
from typing import Any

import numba
import numpy as np
import regex
from numpy.typing import NDArray

from wordlab.text.lines import UNSPACED

CODES = 0x110000
BLOCK = 256
"""Code points tested together for a decomposition."""
SIGMA = 0x3A3
"""Σ: in lower case ς at the end of a word and σ elsewhere."""
DOTTED_I, DOT_ABOVE = 0x130, 0x307
"""İ, as one character or with a dot of its own: in lower case an i without another dot."""


OPENING = r"""\"'“‘«(\[¿¡「『（《"""
CLOSING = r"""\"'”’»)\]」』）》】"""
"""What may come before the first word of a sentence and after the mark of its end, within brackets
of a regular expression."""
INVISIBLE = "\u00ad\u061c\u200c-\u200f\u202a-\u202e\u2060-\u2069\ufeff"
"""Soft hyphens, joiners, marks of direction: characters that are not seen, and would cut words."""
WHITE = r"\s\x1c-\x1f"
"""White space as `str.split` has it, within brackets of a regular expression."""
FULL_WIDTH = "。！？｡"
"""Marks that end a sentence without a space."""


@dataclass(frozen=True, eq=False)
class Characters:
    """For each code point, its flags, uint32 (0x110000,), and the one written for it, int32 (same).

    The flags of words are those of what is written, the flags of sentences those of what is read.
    """

    flags: NDArray[np.uint32]
    written: NDArray[np.int32]


@cache
def characters(tokens: str, lowercase: bool, zeros: bool, lines: bool) -> Characters:
    """Return the tables for a kind of token of `preprocess.TOKEN_PATTERNS`.

    lowercase: of upper-case letters the lower is written. zeros: of each digit 0 is. lines: only
    the end of a line ends a sentence.
    """
    every = _every()
    written = np.arange(CODES, dtype=np.int32)
    if lowercase:
        plain = every.replace(chr(SIGMA), " ").replace(chr(DOTTED_I), "i").lower()
        written = np.frombuffer(plain.encode("utf-32-le"), dtype=np.int32).copy()
        written[SIGMA] = SIGMA
    of_words = _words(tokens)
    if tokens != "whitespace":
        of_words[_doubtful()] |= DOUBTFUL
        of_words[_marked(f"[{INVISIBLE}]+")] |= CONTEXT
    if lowercase:
        of_words[SIGMA] |= CONTEXT
    sentences = _lines() if lines else _sentences()
    found = np.where(sentences == LINE, LINE, of_words[written] | sentences)
    if lowercase:
        found[[DOTTED_I, DOT_ABOVE]] |= CONTEXT
    if zeros:
        written[_marked(r"\p{Nd}+")] = ord("0")
    return Characters(found, written)


def _every() -> str:
    """Return all code points in order, a space for those of surrogates."""
    codes = np.arange(CODES, dtype="<u4")
    codes[0xD800:0xE000] = ord(" ")
    return codes.tobytes().decode("utf-32-le")


def _marked(pattern: str) -> NDArray[np.bool_]:
    """Return which code points are in a match of the pattern."""
    marked = np.zeros(CODES, dtype=bool)
    for found in regex.finditer(pattern, _every()):
        marked[slice(*found.span())] = True
    return marked


def _words(tokens: str) -> NDArray[np.uint32]:
    """Return the flags of characters within words."""
    start, inner, joiners, alone = {
        "letters": (r"\p{L}+", r"[\p{L}\p{M}]+", "", ""),
        "words_and_punctuation": (
            r"[\p{L}\p{N}]+", r"[\p{L}\p{N}\p{M}]+", "'’.,-", r"[^\s\p{Cc}\p{Cf}\p{L}\p{N}\p{M}]+",
        ),
        "characters": (
            r"[\p{L}〇]+", rf"(?V1)(?:[\p{{L}}--[{UNSPACED}]]|\p{{M}})+", "", "",
        ),
        "english": (r"\p{Latin}+", r"\p{Latin}+", "'’", ""),
        "spanish": (r"(?:(?![ªº])\p{Latin})+", r"(?:(?![ªº])\p{Latin})+", "", ""),
        "whitespace": (rf"[^{WHITE}]+", rf"[^{WHITE}]+", "", ""),
    }[tokens]  # fmt: skip
    found = np.zeros(CODES, dtype=np.uint32)
    found[_marked(start)] |= START
    found[_marked(inner)] |= INNER
    found[[ord(joiner) for joiner in joiners]] |= JOINER
    if alone:
        found[_marked(alone)] |= ALONE
    found[_marked(r"\p{Nd}+")] |= DIGIT
    return found


@cache
def _sentences() -> NDArray[np.uint32]:
    """Return the flags of the ends of sentences, as in `preprocess.SENTENCE_END`."""
    found = np.zeros(CODES, dtype=np.uint32)
    for flag, pattern in (
        (END, r"\p{STerm}+"),
        (FULL, f"[{FULL_WIDTH}]+"),
        (CLOSER, f"[{CLOSING}]+"),
        (OPENER, f"[{OPENING}]+"),
        (SPACE, r"\s+"),
        (CAPITAL, r"[\p{Lu}\p{Lt}\p{Lo}\p{N}]+"),
        (LETTER, r"\p{L}+"),
        (WORD, r"\w+"),
    ):
        found[_marked(pattern)] |= flag
    ends = [
        code for code in (*range(0x100), 0x2028, 0x2029) if len(f"a{chr(code)}a".splitlines()) > 1
    ]
    found[ends] = LINE
    return found


def _lines() -> NDArray[np.uint32]:
    """Return the flags of the end of a line, where no other character ends a sentence."""
    found = np.zeros(CODES, dtype=np.uint32)
    found[ord("\n")] = LINE
    return found


@cache
def _doubtful() -> NDArray[np.bool_]:
    """Return which characters may keep a text from being in NFC.

    Those that are not in NFC alone, that may combine with the one before, or may have to change
    places with it. A text without them is in NFC (Unicode Standard Annex 15, section 9).
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


Bytes = NDArray[np.uint8]
Longs = NDArray[np.int64]

# the flags of a character, each a bit
START = 1 << 0  # begins a word
INNER = 1 << 1  # continues a word
JOINER = 1 << 2  # continues a word if a character that could begin one follows
ALONE = 1 << 3  # is a token by itself
DIGIT = 1 << 4  # makes its token a number
DOUBTFUL = 1 << 5  # may not be in NFC
CONTEXT = 1 << 6  # is written in a way that depends on its neighbours, or not at all
END = 1 << 8  # ends a sentence, if a space and a capital follow
CLOSER = 1 << 9  # may come between the end of a sentence and the space
OPENER = 1 << 10  # may come before the capital of a sentence
SPACE = 1 << 11
CAPITAL = 1 << 12  # begins a sentence: a capital, a digit, or a letter of a script without case
LETTER = 1 << 13
WORD = 1 << 14  # is part of a word, which tells an initial from a word's last letter
LINE = 1 << 15  # ends a line
FULL = 1 << 16  # ends a sentence, whatever follows

GROWTH = 2
"""The most bytes written per byte read: for a mark and the space before it; ẞ and Ⱥ need less."""
PLAIN, DOUBT, LEFT = 0, 1, 2
"""The state of a document: written; not, as it may not be in NFC; not, as the kernel cannot."""
SPACE_BYTE, LINE_BYTE = np.uint8(32), np.uint8(10)
FULL_STOP = 0x2E
NOWHERE, AFTER_END, AFTER_INITIAL, AFTER_FULL = 0, 1, 2, 3


@numba.njit(nogil=True, cache=True)
def _code(data: Bytes, at: int) -> tuple[Any, int]:
    """Return the code point at byte `at`, and the place of the next."""
    first = np.int32(data[at])
    if first < 0x80:
        return first, at + 1
    if first < 0xE0:
        return (first & 0x1F) << 6 | np.int32(data[at + 1]) & 0x3F, at + 2
    if first < 0xF0:
        high = (first & 0x0F) << 12 | (np.int32(data[at + 1]) & 0x3F) << 6
        return high | np.int32(data[at + 2]) & 0x3F, at + 3
    high = (first & 0x07) << 18 | (np.int32(data[at + 1]) & 0x3F) << 12
    return high | (np.int32(data[at + 2]) & 0x3F) << 6 | np.int32(data[at + 3]) & 0x3F, at + 4


@numba.njit(nogil=True, cache=True)
def _put(out: Bytes, at: int, code: int) -> int:
    """Write a code point at byte `at` of `out`; return the place of the next."""
    if code < 0x80:
        out[at] = code
        return at + 1
    if code < 0x800:
        out[at] = 0xC0 | code >> 6
        out[at + 1] = 0x80 | code & 0x3F
        return at + 2
    if code < 0x10000:
        out[at] = 0xE0 | code >> 12
        out[at + 1] = 0x80 | code >> 6 & 0x3F
        out[at + 2] = 0x80 | code & 0x3F
        return at + 3
    out[at] = 0xF0 | code >> 18
    out[at + 1] = 0x80 | code >> 12 & 0x3F
    out[at + 2] = 0x80 | code >> 6 & 0x3F
    out[at + 3] = 0x80 | code & 0x3F
    return at + 4


@numba.njit(nogil=True, cache=True)
def _sentence_begins(data: Bytes, at: int, end: int, flags: NDArray[np.uint32]) -> bool:
    """Return whether a sentence begins after the spaces at byte `at`."""
    seen = np.uint32(SPACE)
    while at < end and seen & SPACE:
        code, at = _code(data, at)
        seen = flags[code]
    while at < end and seen & OPENER:
        code, at = _code(data, at)
        seen = flags[code]
    return seen & CAPITAL != 0


@numba.njit(nogil=True, cache=True)
def tokenise(
    data: Bytes, bounds: Longs, flags: NDArray[np.uint32], written: NDArray[np.int32],
    sentences: bool, drop: bool, trusted: bool,
    out: Bytes, ends: Longs, sizes: Longs, states: Bytes,
) -> None:  # fmt: skip
    """Write each document as lines of tokens separated by spaces, and an empty line after it.

    data: uint8, UTF-8; document d is data[bounds[d]:bounds[d + 1]], bounds (D + 1,). flags and
    written: those of `Characters`. sentences: lines end with sentences and lines of the text,
    otherwise with the document. drop: tokens with a digit are left out. trusted: all documents
    are in NFC, in lower case if that is written. Mutates out: uint8, GROWTH bytes per byte of data
    and 2 per document; ends: int64 (D,), where each document ends in `out`; sizes: int64 (D, 2),
    its lines and tokens; states: uint8 (D,), PLAIN, or why nothing was written.
    """
    refused = CONTEXT if trusted else CONTEXT | DOUBTFUL
    pos = 0
    for document in range(len(bounds) - 1):
        at, end = bounds[document], bounds[document + 1]
        first, word_at = pos, pos
        lines, tokens, on_line = 0, 0, 0
        in_word, number, single = False, False, False
        place = NOWHERE
        last, before = np.uint32(0), np.uint32(0)  # the flags of the two characters read last
        state = PLAIN
        while at < end:
            ends_line = False
            code, at = _code(data, at)
            seen = flags[code]
            if seen & refused:
                state = LEFT if seen & CONTEXT else DOUBT
                break
            # does a sentence or a line end here?
            if sentences:
                if seen & END:
                    initial = code == FULL_STOP and last & LETTER and not before & WORD
                    place = AFTER_INITIAL if initial else AFTER_END
                    if seen & FULL:
                        place = AFTER_FULL
                elif place != NOWHERE:
                    if seen & CLOSER:
                        place = AFTER_FULL if place == AFTER_FULL else AFTER_END
                    else:
                        if place == AFTER_FULL:
                            ends_line = True
                        elif seen & SPACE and place == AFTER_END:
                            ends_line = _sentence_begins(data, at, end, flags)
                        place = NOWHERE
                if seen & LINE:
                    ends_line = True
                before, last = last, seen
            # continue the open word, or close it
            if in_word:
                goes_on = seen & INNER != 0 and not (single and seen & START) and not ends_line
                if not goes_on and not ends_line and seen & JOINER and at < end:
                    following, _ = _code(data, at)
                    goes_on = flags[following] & START != 0
                if goes_on:
                    pos = _put(out, pos, written[code])
                    number |= seen & DIGIT != 0
                    continue
                in_word = False
                if drop and number:
                    pos = word_at
                else:
                    on_line += 1
            # end a line, and open a word or write a mark
            if ends_line and on_line:
                out[pos] = LINE_BYTE
                pos += 1
                lines += 1
                tokens += on_line
                on_line = 0
            if seen & (START | ALONE):
                word_at = pos
                if on_line:
                    out[pos] = SPACE_BYTE
                    pos += 1
                pos = _put(out, pos, written[code])
                if seen & START:
                    in_word, number = True, seen & DIGIT != 0
                    single = seen & INNER == 0  # a character that is a word, with its marks
                else:
                    on_line += 1
        # close the document, or take back what was written of it
        if state != PLAIN:
            pos, lines, tokens = first, 0, 0
        else:
            if in_word:
                if drop and number:
                    pos = word_at
                else:
                    on_line += 1
            if on_line:
                out[pos] = LINE_BYTE
                pos += 1
                lines += 1
                tokens += on_line
            if lines:
                out[pos] = LINE_BYTE
                pos += 1
        ends[document] = pos
        sizes[document, 0] = lines
        sizes[document, 1] = tokens
        states[document] = state
