"""Raw documents on disk: a Parquet file with the columns title and text, one row a document."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

ROWS = 1000
"""Documents held in memory at a time."""
SCHEMA = pa.schema([("title", pa.string()), ("text", pa.string())])


@dataclass(frozen=True)
class Document:
    """One document: its title, if it has one, and its paragraphs, one a line."""

    title: str | None
    text: str


def write(path: Path, documents: Iterable[Document]) -> dict[str, int]:
    """Write the documents to `path`; return how many there are and their characters."""
    path.parent.mkdir(parents=True, exist_ok=True)
    count = characters = 0
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
            if len(rows) == ROWS:
                flush()
        if rows:
            flush()
    return {"documents": count, "characters": characters}


def read(path: Path) -> Iterator[str]:
    """Yield the text of each document, in order."""
    with pq.ParquetFile(path) as file:
        for batch in file.iter_batches(batch_size=ROWS, columns=["text"]):
            yield from batch.column("text").to_pylist()
