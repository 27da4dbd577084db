"""Documents to lines of tokens, batch by batch: by compiled code where the kind of token has it."""

import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import partial
from itertools import islice

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from wordlab import workers
from wordlab.params.text import PreprocessParams
from wordlab.text import tokenising_kernels as kernels
from wordlab.text import tokens
from wordlab.text.characters import Characters, characters


@dataclass(frozen=True, eq=False)
class Tokenised:
    """Some documents as lines of tokens apart by spaces, UTF-8, an empty line after each document.

    data: the bytes. ends: int64 (D,), where each document ends in them; one without a token has
    no bytes. sizes: int64 (D, 2), its lines and its tokens.
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
    """Yield what `tokenise` makes of each batch, in order, however many are at work on them."""
    if params.tokens in tokens.TOKEN_PATTERNS:
        yield from workers.in_order_of_threads(partial(tokenise, params=params), batches)
    else:  # in Python, which threads do not share; processes are slow to start
        remaining = iter(batches)
        yield from (tokenise(texts, params) for texts in islice(remaining, 1))
        yield from workers.in_order(partial(tokenise, params=params), remaining, batch=1)


def tokenise(texts: pa.StringArray, params: PreprocessParams) -> Tokenised:
    """Return the tokens of each document in `texts`, the same as `tokens.lines` finds.

    A pure function of its arguments: the batches that a text comes in change nothing.
    """
    if params.tokens not in tokens.TOKEN_PATTERNS:
        return _joined([_in_python(text, params) for text in texts.to_pylist()])
    known = characters(params.tokens, params.lowercase, params.numbers == "zeros")
    found, states = _compiled(texts, params, known, trusted=False)
    if not states.any():
        return found
    parts = list(found)
    for place in np.flatnonzero(states).tolist():
        text = texts[place].as_py()
        plain = text.lower() if params.lowercase else text
        part = found
        if states[place] == kernels.DOUBT and unicodedata.is_normalized("NFC", plain):
            part, again = _compiled(texts[place : place + 1], params, known, trusted=True)
            states[place] = again[0]
        else:
            states[place] = kernels.LEFT
        (parts[place],) = (
            [_in_python(text, params)] if states[place] == kernels.LEFT else list(part)
        )
    return _joined(parts)


def _compiled(
    texts: pa.StringArray, params: PreprocessParams, known: Characters, *, trusted: bool
) -> tuple[Tokenised, NDArray[np.uint8]]:
    """Return what the kernel makes of documents, and what became of each."""
    _, offsets, content = texts.buffers()
    bounds = np.frombuffer(offsets, np.int32)[texts.offset : texts.offset + len(texts) + 1]
    data = np.frombuffer(content or b"", np.uint8)
    room = kernels.GROWTH * int(bounds[-1] - bounds[0]) + 2 * len(texts)
    out = np.empty(room, np.uint8)
    ends, sizes = np.empty(len(texts), np.int64), np.empty((len(texts), 2), np.int64)
    states = np.empty(len(texts), np.uint8)
    kernels.tokenise(
        data, bounds.astype(np.int64), known.flags, known.written,
        params.units == "sentences", params.numbers == "drop", trusted,
        out, ends, sizes, states,
    )  # fmt: skip
    used = int(ends[-1]) if len(ends) else 0
    return Tokenised(out[:used], ends, sizes), states


def _in_python(text: str, params: PreprocessParams) -> tuple[memoryview, NDArray[np.int64]]:
    """Return the bytes and the sizes of a document, by way of `tokens.lines`."""
    found = tokens.lines(text, params)
    content = "".join(f"{line}\n" for line in found) + "\n" * bool(found)
    return memoryview(content.encode()), np.array(tokens.counts(found))


def _joined(parts: list[tuple[memoryview, NDArray[np.int64]]]) -> Tokenised:
    """Return documents one after the other."""
    data = np.frombuffer(b"".join(content for content, _ in parts), np.uint8)
    ends = np.cumsum([len(content) for content, _ in parts], dtype=np.int64)
    return Tokenised(data, ends, np.array([sizes for _, sizes in parts]).reshape(-1, 2))
