"""The splits of the text on disk: train.txt, valid.txt and test.txt, for people and programs alike.

A sentence a line, its tokens apart by single spaces, an empty line after each document.
"""

from collections.abc import Iterator
from pathlib import Path

SPLITS = ("train", "valid", "test")


def read(path: Path) -> Iterator[list[list[str]]]:
    """Yield the documents of a split, each as the token lists of its sentences."""
    document: list[list[str]] = []
    with path.open(encoding="utf-8", newline="\n") as file:
        for line in file:
            tokens = line.split()
            if tokens:
                document.append(tokens)
            elif document:
                yield document
                document = []
    if document:
        yield document
