"""Where the evaluation sets are, and how their words are found in a vocabulary."""

from functools import cached_property
from pathlib import Path

from wordlab.corpus.vocabulary import Vocabulary
from wordlab.downloads import gensim_data
from wordlab.errors import UserError

PACKAGED = {
    "wordsim353": "wordsim353.tsv",
    "simlex999": "simlex999.txt",
    "analogies": "questions-words.txt",
}
"""The file of each set among gensim's test data."""


def packaged(name: str) -> Path:
    """Return the path of the set `name` that gensim packages.

    Raises UserError if there is no such set or gensim is not installed.
    """
    if name not in PACKAGED:
        raise UserError(f"{name}: no such packaged set; expected one of {', '.join(PACKAGED)}")
    return gensim_data(PACKAGED[name])


def read_lines(path: Path) -> list[str]:
    """Return the lines of the UTF-8 text at `path`, without their ends.

    Raises UserError if it is missing, not a file or not UTF-8.
    """
    try:
        return path.read_text(encoding="utf-8-sig").splitlines()
    except (FileNotFoundError, IsADirectoryError, PermissionError) as error:
        raise UserError(f"{path}: cannot be read ({error.strerror}); expected a text") from None
    except UnicodeDecodeError:
        raise UserError(f"{path}: not UTF-8; expected a UTF-8 text") from None


class Lookup:
    """Finds the row of a word in a vocabulary, or the commonest spelling of it.

    ignore_case: words that differ in case only are one word, found at its lowest id.
    size: only the `size` commonest rows are found; None for all.
    """

    def __init__(
        self, vocabulary: Vocabulary, *, ignore_case: bool, size: int | None = None
    ) -> None:
        self.vocabulary = vocabulary
        self.size = min(size or len(vocabulary), len(vocabulary))
        self._ignore_case = ignore_case
        words = vocabulary.words[: self.size]
        self.forms = [word.casefold() for word in words] if ignore_case else list(words)
        self._rows = dict(zip(reversed(self.forms), range(self.size - 1, -1, -1), strict=True))

    def form(self, word: str) -> str:
        """Return what stands for `word` and its spellings."""
        return word.casefold() if self._ignore_case else word

    def row(self, word: str) -> int | None:
        """Return the row of `word`, or None if it is unknown."""
        return self._rows.get(self.form(word))

    def spellings(self, row: int) -> list[int]:
        """Return the rows of all spellings of the word at `row`, itself among them."""
        if len(self._rows) == self.size:
            return [row]
        return self._spellings[self.forms[row]]

    @cached_property
    def _spellings(self) -> dict[str, list[int]]:
        found: dict[str, list[int]] = {}
        for row, form in enumerate(self.forms):
            found.setdefault(form, []).append(row)
        return found
