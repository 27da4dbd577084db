"""The catalogue of public evaluation sets: what each is called, and where it is fetched from.

`sets.tsv` has one row per set. None of its sets is part of wordlab but those whose address begins
with `gensim:`, which gensim packages, or with `wordlab:`, wordlab's own.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from itertools import product
from pathlib import Path

PAIRS = ("relatedness", "similarity")
"""Tasks whose sets are word pairs with human scores."""
TASKS = (*PAIRS, "analogies", "degrees", "categories", "odd one out", "relations")
"""In the order in which they are shown."""
CATALOGUE = Path(__file__).with_name("sets.tsv")


@dataclass(frozen=True)
class PublicSet:
    """A row of the catalogue.

    size: of items, as published, or empty; form: how `evaluation.vectors.by_name` reads it;
    checksum: of the file at `url`, as sha256:… or sha1:…, where a public listing has one, else
    empty; member: for an archive, how the paths of the members to read end, or a part of them
    within slashes, blanks between several.
    """

    name: str
    title: str
    task: str
    language: str
    size: str
    form: str
    licence: str
    citation: str
    checksum: str
    member: str
    url: str

    @property
    def urls(self) -> tuple[str, ...]:
        """The address of each of its files: blanks separate them, and {a,b} stands for a and b."""
        return tuple(url for text in self.url.split() for url in _spelled_out(text))


def _spelled_out(text: str) -> Iterator[str]:
    """Yield a text once for each choice among its braces."""
    parts = [part.split(",") for part in re.split(r"[{}]", text)]
    choices = [part if i % 2 else [",".join(part)] for i, part in enumerate(parts)]
    yield from map("".join, product(*choices))


@cache
def catalogue() -> dict[str, PublicSet]:
    """Return the sets by name, in the order of the file."""
    head, *rows = CATALOGUE.read_text(encoding="utf-8").splitlines()
    fields = head.split("\t")
    found = (PublicSet(**dict(zip(fields, row.split("\t"), strict=True))) for row in rows)
    return {item.name: item for item in found}


def task_of(name: str) -> str:
    """Return the task of a set of word pairs, similarity if it is not of the catalogue."""
    return catalogue()[name].task if name in named(*PAIRS) else "similarity"


def named(task: str, *tasks: str) -> tuple[str, ...]:
    """Return the names of the sets for these tasks."""
    return tuple(item.name for item in catalogue().values() if item.task in (task, *tasks))
