"""Bytes as lines of text, and where in a file a mistake is."""

import codecs
import io
from collections.abc import Iterable, Iterator

from wordlab.errors import UserError

LONGEST_LINE = 1 << 16
"""Characters of a line beyond which it comes in parts: text8 is one line of 100 million."""
CHUNK = 1 << 16
UNSPACED = (
    r"\p{Han}\p{Hiragana}\p{Katakana}\p{Bopomofo}\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}\p{Tibetan}ー"
)
"""Scripts without spaces between words, as within brackets of `regex`."""
MARKS = {codecs.BOM_UTF16_LE: "utf-16", codecs.BOM_UTF16_BE: "utf-16"}
"""What begins a text that is not UTF-8, with the name of what it is."""


def decoded(stream: io.BufferedReader, place: str) -> Iterator[str]:
    """Yield the lines of a UTF-8 text, or of UTF-16 with its mark, those that are long in parts.

    A line ends with `\\n`, whatever it ends with in the file; only the last may have no end. Raises
    UserError with the line and the byte if it is no such text.
    """
    encoding = MARKS.get(stream.peek(2)[:2], "utf-8-sig")
    decoder = io.IncrementalNewlineDecoder(codecs.getincrementaldecoder(encoding)(), translate=True)
    read = ended = 0
    rest, more = "", True
    while more:
        chunk = stream.read(CHUNK)
        read, more = read + len(chunk), len(chunk) > 0
        try:
            text = rest + decoder.decode(chunk, final=not more)
        except UnicodeDecodeError as error:
            line = ended + error.object.count(b"\n", 0, error.start) + 1
            byte = read - len(error.object) + error.start + 1
            raise UserError(
                f"{place}, line {line}, byte {byte}: not UTF-8 (found the byte "
                f"0x{error.object[error.start]:02x}); expected a UTF-8 text, "
                "as `iconv -f latin1 -t utf-8` makes one"
            ) from None
        if "\0" in text:
            line = ended + text.count("\n", 0, text.index("\0")) + 1
            raise UserError(f"{place}, line {line}: found a byte 0; expected a UTF-8 text")
        ended += text.count("\n")
        begin = 0
        while (end := text.find("\n", begin) + 1) or len(text) - begin >= LONGEST_LINE:
            end = min(end or len(text), begin + LONGEST_LINE)
            yield text[begin:end]
            begin = end
        rest = text[begin:]
    if rest:
        yield rest


def whole(parts: Iterable[str]) -> Iterator[str]:
    """Yield the lines that come in parts as whole ones."""
    held: list[str] = []
    for part in parts:
        held.append(part)
        if part.endswith("\n"):
            yield held[0] if len(held) == 1 else "".join(held)
            held = []
    if held:
        yield "".join(held)
