"""Raw documents on disk: a Parquet file with the columns title and text, one row a document."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

ROWS = 1000
"""Documents held in memory at a time."""
CHARACTERS = 4 << 20
"""Characters of documents held in memory at a time, and those of one document more."""
SCHEMA = pa.schema([("title", pa.string()), ("text", pa.string())])


@dataclass(frozen=True)
class Document:
    """One document: its title, if it has one, and its paragraphs, one a line."""

    title: str | None
    text: str


def write(path: Path, documents: Iterable[Document]) -> dict[str, int]:
    """Write the documents to `path`; return how many there are and their characters."""
    path.parent.mkdir(parents=True, exist_ok=True)
    count = characters = held = 0
    rows: list[Document] = []

    with pq.ParquetWriter(path, SCHEMA, compression="zstd") as writer:

        def flush() -> None:
            columns = [[row.title for row in rows], [row.text for row in rows]]
            writer.write_table(pa.table(columns, schema=SCHEMA))
            rows.clear()

        for document in documents:
            rows.append(document)
            count += 1
            characters += len(document.text)
            held += len(document.text)
            if len(rows) == ROWS or held >= CHARACTERS:
                flush()
                held = 0
        if rows:
            flush()
    return {"documents": count, "characters": characters}


def batches(path: Path) -> Iterator[pa.StringArray]:
    """Yield the texts of the documents, in order, as many at a time as were written together."""
    with pq.ParquetFile(path) as file:
        for group in range(file.num_row_groups):
            yield file.read_row_group(group, columns=["text"]).column("text").combine_chunks()


def read(path: Path) -> Iterator[str]:
    """Yield the text of each document, in order."""
    for batch in batches(path):
        yield from batch.to_pylist()


def lengths(path: Path) -> NDArray[np.int64]:
    """Return the characters of each document, int64 (D,)."""
    found = [pc.utf8_length(batch).to_numpy() for batch in batches(path)]
    return np.concatenate([np.empty(0, np.int64), *found]).astype(np.int64)
