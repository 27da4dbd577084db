"""How the page cuts what is typed into tokens, as the text was, and beginnings to type."""

import re
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Any

from wordlab.corpus.vocabulary import Vocabulary
from wordlab.params.text import PreprocessParams
from wordlab.text.preprocess import INVISIBLE, SENTENCE_ENDS, TOKEN_PATTERNS

LENGTH, UNKNOWN, BEGINNINGS = 14, 2, 2
"""Words of a beginning, how many of them may be unknown, and how many beginnings there are."""
WORD_START = r"(?<![\p{L}\p{M}\p{N}_])"
r"""What `\b` is before a letter of any script; JavaScript's knows those of ASCII only."""
SPACES = r"\t-\r \x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000"
r"""What `\s` is within brackets; JavaScript's has U+FEFF, and not U+0085."""


def rules(params: PreprocessParams) -> dict[str, Any]:
    """Return the rules of `preprocess.lines`, and of phrases, for JSON.

    token: the pattern of a token, None where a library finds them, which the page lacks.
    """
    pattern = TOKEN_PATTERNS.get(params.tokens)
    ends = "|".join(rf"(?<={before}){there}" for before, there in SENTENCE_ENDS)
    return {
        "lowercase": params.lowercase,
        "numbers": params.numbers,
        "units": params.units,
        "untouched": params.tokens == "whitespace",
        "invisible": INVISIBLE.pattern,
        "token": pattern and _in_javascript(pattern.pattern),
        "flags": "gv" if pattern and "(?V1)" in pattern.pattern else "gu",
        "tokeniser": params.tokens.removeprefix("nltk:"),
        "sentence": _in_javascript(ends),
        "phrases": params.phrases.passes,
    }


def _in_javascript(pattern: str) -> str:
    """Return a pattern for JavaScript, whose flag v has sets of characters as V1 has."""
    changed = {
        r"\b": WORD_START, r"\"": '"', "(?V1)": "", r"\p{STerm}": r"\p{Sentence_Terminal}",
        r"\s": SPACES,
    }  # fmt: skip
    for ours, theirs in changed.items():
        pattern = pattern.replace(ours, theirs)
    return re.sub(r"\\p\{([A-Z][a-z]{2,})\}", r"\\p{Script=\1}", pattern)


def beginnings(lines: Sequence[str], known: Vocabulary) -> list[str]:
    """Return the beginnings of the first sentences of `lines` that are long and well known."""

    def found() -> Iterator[str]:
        for line in lines:
            words = line.split()
            first = words[:LENGTH]
            if len(words) > LENGTH and sum(word not in known for word in first) <= UNKNOWN:
                yield " ".join(first)

    return list(islice(found(), BEGINNINGS))
