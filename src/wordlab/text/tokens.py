"""From raw text to normalised tokens, one unit (sentence or document) per line.

`lines` is the reference, in Python. `tokenise` finds the same tokens with the faster kernel of
`tokenising_kernels`, and falls back on `lines` for the tokenisers of nltk and for texts whose
characters depend on one another.
"""

import unicodedata
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from functools import cache, partial
from itertools import islice

import numpy as np
import pyarrow as pa
import regex
from numpy.typing import NDArray

from wordlab import parallel
from wordlab.params.text import PreprocessParams
from wordlab.text import tokenising_kernels as kernels
from wordlab.text.counting import bytes_and_bounds
from wordlab.text.tokenising_kernels import Characters, characters


@dataclass(frozen=True, eq=False)
class Tokenised:
    """Documents as lines of tokens separated by spaces, with an empty line after each document.

    data: UTF-8 bytes; ends: int64 (D,), where each document ends in them, one without a token
    having no bytes; sizes: int64 (D, 2), the lines and tokens of each.
    """

    data: NDArray[np.uint8] = field(repr=False)
    ends: NDArray[np.int64]
    sizes: NDArray[np.int64]

    def __iter__(self) -> Iterator[tuple[memoryview, NDArray[np.int64]]]:
        """Yield the bytes and the sizes of each document."""
        begin = 0
        for end, sizes in zip(self.ends.tolist(), self.sizes, strict=True):
            yield self.data[begin:end].data, sizes
            begin = end


def tokenised(batches: Iterable[pa.StringArray], params: PreprocessParams) -> Iterator[Tokenised]:
    """Yield `tokenise` of each batch, in order, computed in parallel."""
    if params.tokens in TOKEN_PATTERNS:
        yield from parallel.in_order_of_threads(partial(tokenise, params=params), batches)
    else:  # pure Python needs processes; the first batch does without, as they start slowly
        remaining = iter(batches)
        yield from (tokenise(texts, params) for texts in islice(remaining, 1))
        yield from parallel.in_order(partial(tokenise, params=params), remaining, batch=1)


def tokenise(texts: pa.StringArray, params: PreprocessParams) -> Tokenised:
    """Return the tokens of each document in `texts`, the same as `lines` finds.

    A pure function of its arguments, so batches of any size give the same tokens.
    """
    if params.tokens not in TOKEN_PATTERNS:
        return _joined([_in_python(text, params) for text in texts.to_pylist()])
    known = characters(params.tokens, params.lowercase, params.numbers == "zeros")
    found, states = _compiled(texts, params, known, trusted=False)
    if not states.any():
        return found
    parts = list(found)
    for place in np.flatnonzero(states).tolist():
        text = texts[place].as_py()
        plain = text.lower() if params.lowercase else text
        if states[place] == kernels.DOUBT and unicodedata.is_normalized("NFC", plain):
            part, state = _compiled(texts[place : place + 1], params, known, trusted=True)
            if state[0] == kernels.PLAIN:
                (parts[place],) = part
                continue
        parts[place] = _in_python(text, params)
    return _joined(parts)


def _compiled(
    texts: pa.StringArray, params: PreprocessParams, known: Characters, *, trusted: bool
) -> tuple[Tokenised, NDArray[np.uint8]]:
    """Return the kernel's tokens of the documents, and the state of each."""
    data, bounds = bytes_and_bounds(texts)
    room = kernels.GROWTH * int(bounds[-1] - bounds[0]) + 2 * len(texts)
    out = np.empty(room, np.uint8)
    ends, sizes = np.empty(len(texts), np.int64), np.empty((len(texts), 2), np.int64)
    states = np.empty(len(texts), np.uint8)
    kernels.tokenise(
        data, bounds, known.flags, known.written,
        params.units == "sentences", params.numbers == "drop", trusted,
        out, ends, sizes, states,
    )  # fmt: skip
    used = int(ends[-1]) if len(ends) else 0
    return Tokenised(out[:used], ends, sizes), states


def _in_python(text: str, params: PreprocessParams) -> tuple[memoryview, NDArray[np.int64]]:
    """Return the bytes and the sizes of a document by `lines`."""
    found = lines(text, params)
    content = "".join(f"{line}\n" for line in found) + "\n" * bool(found)
    return memoryview(content.encode()), np.array(counts(found))


def _joined(parts: list[tuple[memoryview, NDArray[np.int64]]]) -> Tokenised:
    """Return documents one after the other."""
    data = np.frombuffer(b"".join(content for content, _ in parts), np.uint8)
    ends = np.cumsum([len(content) for content, _ in parts], dtype=np.int64)
    return Tokenised(data, ends, np.array([sizes for _, sizes in parts]).reshape(-1, 2))


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
"""The space after a mark that ends sentences, except initials (`H. N.`), and before a capital or a
digit."""
DIGIT = regex.compile(r"\p{Nd}")


def lines(text: str, params: PreprocessParams) -> list[str]:
    """Return the sentences of `text`, or all of it, as tokens in NFC separated by single spaces.

    A sentence never runs over the end of a line. Units without a token are left out.
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


@cache
def _nltk(name: str) -> Callable[[str], list[str]]:
    """Return the function of a tokeniser of nltk, which is slow to make."""
    from nltk import tokenize

    return getattr(tokenize, name)().tokenize


def counts(found: Iterable[str]) -> tuple[int, int]:
    """Return the number of lines and of tokens."""
    sizes = [line.count(" ") + 1 for line in found]
    return len(sizes), sum(sizes)
