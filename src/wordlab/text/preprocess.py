"""From documents to splits: their tokens, a sentence or document per line, and phrases.

`lines` is the reference, in Python. `tokenise` finds the same tokens with the faster kernel of
`tokenising_kernels`, and falls back on `lines` for the tokenisers of nltk and for texts whose
characters depend on one another.

Phrases: pairs of words that occur together far more often than chance; Mikolov et al. 2013,
"Distributed Representations of Words and Phrases and their Compositionality", section 4. A second
pass over the result joins phrases of up to four words.
"""

import os
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import cache, partial
from itertools import chain, islice, pairwise
from pathlib import Path

import numpy as np
import pyarrow as pa
import regex
from numpy.typing import NDArray

from wordlab import parallel, rng
from wordlab.corpus.corpus import SPLITS
from wordlab.errors import UserError
from wordlab.params.text import PhraseParams, PreprocessParams, SplitShares
from wordlab.text import tokenising_kernels as kernels
from wordlab.text.counting import bytes_and_bounds
from wordlab.text.lines import UNSPACED
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
    known = characters(
        params.tokens, params.lowercase, params.numbers == "zeros", params.units == "lines"
    )
    found, states = _compiled(texts, params, known, trusted=False)
    if not states.any():
        return found
    parts = list(found)
    for place in np.flatnonzero(states).tolist():
        text = cleaned(texts[place].as_py(), params)
        plain = text.lower() if params.lowercase else text
        if unicodedata.is_normalized("NFC", plain):
            part, state = _compiled(pa.array([text]), params, known, trusted=True)
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
        params.units != "documents", params.numbers == "drop", trusted,
        out, ends, sizes, states,
    )  # fmt: skip
    used = int(ends[-1]) if len(ends) else 0
    return Tokenised(out[:used], ends, sizes), states


def _in_python(text: str, params: PreprocessParams) -> tuple[memoryview, NDArray[np.int64]]:
    """Return the bytes and the sizes of a document by `lines`."""
    found = lines(text, params)
    content = "".join(f"{line}\n" for line in found) + "\n" * bool(found)
    tokens = sum(line.count(" ") + 1 for line in found)
    return memoryview(content.encode()), np.array([len(found), tokens])


def _joined(parts: list[tuple[memoryview, NDArray[np.int64]]]) -> Tokenised:
    """Return documents one after the other."""
    data = np.frombuffer(b"".join(content for content, _ in parts), np.uint8)
    ends = np.cumsum([len(content) for content, _ in parts], dtype=np.int64)
    return Tokenised(data, ends, np.array([sizes for _, sizes in parts]).reshape(-1, 2))


_WORD = r"[\p{L}\p{N}][\p{L}\p{N}\p{M}]*"
TOKEN_PATTERNS = {
    # runs of letters of any script, with the marks that combine with them
    "letters": regex.compile(r"\p{L}[\p{L}\p{M}]*"),
    # the same, but each character of a script without spaces by itself, with its marks
    "characters": regex.compile(
        rf"(?V1)[[{UNSPACED}]&&[\p{{L}}〇]]\p{{M}}*|[\p{{L}}--[{UNSPACED}]]"
        rf"(?:[\p{{L}}--[{UNSPACED}]]|\p{{M}})*"
    ),
    # a word or number with inner apostrophes, hyphens, points or commas; or one mark
    "words_and_punctuation": regex.compile(
        rf"{_WORD}(?:['’.,-]{_WORD})*|[^\s\p{{Cc}}\p{{Cf}}\p{{L}}\p{{N}}\p{{M}}]"
    ),
    # Latin words, accents kept: don't and o'clock are one, as are café and naïve
    "english": regex.compile(r"\p{Latin}+(?:['’]\p{Latin}+)*"),
    # Latin words, accents and ñ kept; 1.º and 2.ª leave their sign out, as ª and º alone do
    "spanish": regex.compile(r"(?:(?![ªº])\p{Latin})+"),
    # what white space separates, of the kinds that `str.split` knows
    "whitespace": regex.compile(rf"[^{kernels.WHITE}]+"),
}
SENTENCE_ENDS = (
    (
        rf"\p{{STerm}}[{kernels.CLOSING}]*(?<!\b\p{{L}}\.)",
        rf"[^\S\n]+(?=[{kernels.OPENING}]*[\p{{Lu}}\p{{Lt}}\p{{Lo}}\p{{N}}])",
    ),
    (
        rf"[{kernels.FULL_WIDTH}][{kernels.CLOSING}]*",
        rf"(?=[^\n{kernels.CLOSING}\p{{STerm}}])",
    ),
)
"""What comes before the end of a sentence, and what is there."""
SENTENCE_END = regex.compile("|".join(rf"{before}\K{there}" for before, there in SENTENCE_ENDS))
"""The space after a mark that ends sentences (`.`, `!`, `?`, `।`, `؟`), except initials (`H. N.`),
and before a capital, a digit or a letter of a script without case; or the place after `。`, `！` or
`？`, which need no space."""
DIGIT = regex.compile(r"\p{Nd}")
INVISIBLE = regex.compile(f"[{kernels.INVISIBLE}]")
DOTTED = regex.compile("İ|[iI]\u0307")


def cleaned(text: str, params: PreprocessParams) -> str:
    """Return the text without invisible characters, unless tokens are what white space separates,
    and with İ as it is in lower case."""
    if params.tokens != "whitespace":
        text = INVISIBLE.sub("", text)
    return DOTTED.sub("i", text) if params.lowercase else text


def lines(text: str, params: PreprocessParams) -> list[str]:
    """Return the sentences or lines of `text`, or all of it, as tokens separated by single spaces.

    Tokens are in NFC, but for those that white space separates. A sentence never runs over the end
    of a line. Units without a token are left out.
    """
    text = cleaned(text, params)
    if params.units == "sentences":
        text = SENTENCE_END.sub("\n", "\n".join(text.splitlines()))
    elif params.units == "documents":
        text = " ".join(text.splitlines())
    if params.lowercase:
        text = text.lower()
    if params.tokens != "whitespace" and not text.isascii():
        text = unicodedata.normalize("NFC", text)
    if params.numbers == "zeros":
        text = DIGIT.sub("0", text)
    units, kind = text.split("\n"), params.tokens
    found: Iterable[list[str]]
    if kind.startswith("nltk:"):  # a token may have spaces in it
        found = (" ".join(_nltk(kind.removeprefix("nltk:"))(unit)).split() for unit in units)
    else:
        found = map(TOKEN_PATTERNS[kind].findall, units)
    if params.numbers == "drop":
        found = ([token for token in tokens if not DIGIT.search(token)] for tokens in found)
    return [" ".join(tokens) for tokens in found if tokens]


@cache
def _nltk(name: str) -> Callable[[str], list[str]]:
    """Return the function of a tokeniser of nltk, which is slow to make."""
    from nltk import tokenize

    return getattr(tokenize, name)().tokenize


UNSUITED = regex.compile(rf"(?V1)[[{UNSPACED}]&&\p{{L}}]")
LETTER = regex.compile(r"\p{L}")


def hint(texts: pa.StringArray, params: PreprocessParams) -> str | None:
    """Return a line if most letters of these texts are of scripts that have no spaces between
    words, and tokens of another kind than `characters` are long. Not of a text that is tokenised
    already."""
    text = "".join(texts.slice(0, 100).to_pylist())
    letters, unspaced = len(LETTER.findall(text)), len(UNSUITED.findall(text))
    if params.tokens in ("characters", "whitespace") or 2 * unspaced <= letters:
        return None
    return (
        "most of the text is in a script without spaces between words: by preprocess.tokens "
        f"{params.tokens}, all that lies between two marks is a token; characters has others"
    )


MOST_PAIRS = 4_000_000
"""Pairs counted at a time; beyond, the rarest are dropped, as in the authors' program."""
JOINT = "_"


def learn(path: Path, params: PhraseParams) -> frozenset[tuple[str, str]]:
    """Return the pairs of words in the training split at `path` that are phrases.

    Equation 6, times the number of tokens, so that the threshold does not depend on the size of
    the text: (count(a b) - discount) / (count(a) count(b)) * tokens > threshold.
    """
    words: Counter[str] = Counter()
    pairs: Counter[tuple[str, str]] = Counter()
    floor = 1
    with path.open(encoding="utf-8", newline="\n") as file:
        for line in file:
            found = line.split()
            words.update(found)
            pairs.update(pairwise(found))
            while len(pairs) > MOST_PAIRS:
                pairs = Counter({pair: count for pair, count in pairs.items() if count > floor})
                floor += 1
    tokens = words.total()
    return frozenset(
        (first, second)
        for (first, second), count in pairs.items()
        if (count - params.discount) * tokens > params.threshold * words[first] * words[second]
    )


def join(folder: Path, params: PhraseParams) -> dict[str, int]:
    """Join the phrases of train.txt in every split in `folder`; return how many in each.

    Of overlapping pairs, the first is joined.
    """
    known = learn(folder / "train.txt", params)
    joined = {}
    for name in SPLITS:
        path, aside = folder / f"{name}.txt", folder / f"{name}.joined"
        joined[name] = 0
        with (
            path.open(encoding="utf-8", newline="\n") as file,
            aside.open("w", encoding="utf-8", newline="\n") as out,
        ):
            for line in file:
                words = line.split()
                found = joined_words(words, known)
                joined[name] += len(words) - len(found)
                out.write(" ".join(found) + "\n")
        os.replace(aside, path)
    return joined


def joined_words(words: list[str], known: frozenset[tuple[str, str]]) -> list[str]:
    """Return the words with the `known` pairs among them joined, from left to right."""
    found: list[str] = []
    place = 0
    while place < len(words):
        pair = tuple(words[place : place + 2])
        size = 2 if pair in known else 1
        found.append(JOINT.join(words[place : place + size]))
        place += size
    return found


def assign(lengths: NDArray[np.int64], shares: SplitShares, seed: int) -> list[str]:
    """Return the split of each document, so that splits hold their shares of the text.

    lengths: int64 (D,), the characters of each document. Documents are shuffled by the seed, then
    test is filled, then valid; train takes the rest. Raises UserError if a split with a share
    above 0 is left without a document.
    """
    order = rng.stream(seed, "splits").permutation(len(lengths))
    ends = np.cumsum(lengths[order])
    middles = (ends - lengths[order] / 2) / max(1, ends[-1] if len(ends) else 1)
    place = np.searchsorted([shares.test, shares.test + shares.valid], middles, side="right")
    names = np.array(["test", "valid", "train"])[place]
    splits = np.empty(len(lengths), dtype=object)
    splits[order] = names
    for name in SPLITS:
        if getattr(shares, name) > 0 and name not in names:
            raise UserError(
                f"preprocess.splits.{name}: no document for this split, of {len(lengths)} in all; "
                "expected more documents (blank lines separate them) or a larger share"
            )
    return list(splits)


def write_splits(
    batches: Iterable[pa.StringArray], splits: list[str], folder: Path, params: PreprocessParams
) -> dict[str, dict[str, int]]:
    """Write train.txt, valid.txt and test.txt into `folder`, phrases joined in each pass.

    batches: the texts of the documents, some at a time; splits: the split of each document.
    Returns the documents, sentences and tokens of each split; documents without a token are left
    out. Raises UserError if a split has no token at all.
    """
    folder.mkdir(parents=True, exist_ok=True)
    summary = {name: {"documents": 0, "sentences": 0, "tokens": 0} for name in SPLITS}
    with ExitStack() as stack:
        files = {name: stack.enter_context((folder / f"{name}.txt").open("wb")) for name in SPLITS}
        documents = chain.from_iterable(tokenised(batches, params))
        for (text, sizes), split in zip(documents, splits, strict=True):
            if len(text):
                files[split].write(text)
                for key, size in zip(
                    ("documents", "sentences", "tokens"), (1, *sizes.tolist()), strict=True
                ):
                    summary[split][key] += size
    for name in SPLITS:
        if summary[name]["tokens"] == 0:
            raise UserError(
                f"preprocess.tokens: no document of the split {name} has a token of the kind "
                f"{params.tokens!r}; expected words in each of those that corpus.splits gives, or "
                "preprocess.splits shares out"
            )
    for _ in range(params.phrases.passes):
        joined = join(folder, params.phrases)
        for name in SPLITS:
            summary[name]["tokens"] -= joined[name]
    return summary
