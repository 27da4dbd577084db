"""The characters of a text as classes: the alphabet, and lines as ids."""

from collections import Counter
from collections.abc import Iterable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from wordlab.text.vocabulary import Vocabulary


def read_documents(path: Path) -> list[list[str]]:
    """Return the documents of a normalised text, each its sentences, which are one a line."""
    documents: list[list[str]] = [[]]
    with path.open(encoding="utf-8", newline="\n") as file:
        for line in file:
            if stripped := line.rstrip("\n"):
                documents[-1].append(stripped)
            else:
                documents.append([])
    return [sentences for sentences in documents if sentences]


def read_lines(path: Path) -> list[str]:
    """Return the sentences of a normalised text; blank lines between documents go."""
    return [sentence for document in read_documents(path) for sentence in document]


def document_starts(documents: Iterable[Iterable[str]]) -> NDArray[np.int64]:
    """Return where documents begin in the `character_ids` of their sentences, int64 (D,)."""
    sizes = [sum(len(sentence) + 1 for sentence in sentences) for sentences in documents]
    return np.cumsum([0, *sizes])[:-1]


def alphabet(lines: Iterable[str], *, min_count: int) -> Vocabulary:
    """Return the characters seen in `lines` at least `min_count` times, commonest first.

    Built on the training split alone. Raises UserError if none is left.
    """
    counts: Counter[str] = Counter()
    for line in lines:
        counts.update(line)
    return Vocabulary.build(counts, min_count=min_count, section="character_model")


def character_ids(lines: Iterable[str], characters: Vocabulary) -> NDArray[np.int64]:
    """Return `lines` as classes of a character model, int64, one a character and one a line end.

    Unknown characters and line ends are the specials of the vocabulary.
    """
    ids: list[int] = []
    for line in lines:
        ids.extend(characters.index.get(character, characters.unknown) for character in line)
        ids.append(characters.end)
    return np.array(ids, dtype=np.int64)
