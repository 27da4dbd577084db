"""Documents, kept as a Parquet file with title and text; what reading them has found beside."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from wordlab.artifacts import reading
from wordlab.params.text import SplitFiles

ROWS = 1000
"""Documents held in memory at a time."""
CHARACTERS = 4 << 20
"""Characters of documents held in memory at a time, beside those of one more document."""
SCHEMA = pa.schema([("title", pa.string()), ("text", pa.string())])
WITH_SPLITS = SCHEMA.append(pa.field("split", pa.string()))


@dataclass(frozen=True)
class Document:
    """One document: its title, if it has one, and its paragraphs, one per line.

    split: the one that the source has it in, None where splits are drawn.
    """

    title: str | None
    text: str
    split: str | None = None


@dataclass(frozen=True)
class Notes:
    """What was found while documents were read.

    left_out: how many were left out, by reason; formats: the files of each format, with the
    packings around it.
    """

    left_out: Counter[str] = field(default_factory=Counter)
    formats: Counter[str] = field(default_factory=Counter)


def counts(left_out: Mapping[str, int]) -> str:
    """Return in words what was left out, the most first."""
    rows = sorted(left_out.items(), key=lambda row: (-row[1], row[0]))
    return ", ".join(f"{reason} ({count:,})" for reason, count in rows)


def write(path: Path, documents: Iterable[Document], *, splits: bool = False) -> dict[str, int]:
    """Write the documents to `path`, with the split of each if they have one; return how many
    there are and their characters."""
    path.parent.mkdir(parents=True, exist_ok=True)
    schema = WITH_SPLITS if splits else SCHEMA
    count = characters = 0
    with pq.ParquetWriter(path, schema, compression="zstd") as writer:
        for rows in _groups(documents):
            columns = [[getattr(row, name) for row in rows] for name in schema.names]
            writer.write_table(pa.table(columns, schema=schema))
            count += len(rows)
            characters += sum(len(row.text) for row in rows)
    return {"documents": count, "characters": characters}


def _groups(documents: Iterable[Document]) -> Iterator[list[Document]]:
    """Yield the documents in groups of ROWS rows or CHARACTERS characters."""
    rows: list[Document] = []
    held = 0
    for document in documents:
        rows.append(document)
        held += len(document.text)
        if len(rows) == ROWS or held >= CHARACTERS:
            yield rows
            rows, held = [], 0
    if rows:
        yield rows


def batches(path: Path) -> Iterator[pa.StringArray]:
    """Yield the texts of the documents, in order, in the groups they were written in."""
    with reading(path), pq.ParquetFile(path) as file:
        if file.schema_arrow not in (SCHEMA, WITH_SPLITS):
            raise ValueError(f"columns {', '.join(file.schema_arrow.names)}, not title and text")
        for group in range(file.num_row_groups):
            texts = file.read_row_group(group, columns=["text"]).column("text").combine_chunks()
            texts.validate(full=True)
            yield texts


def splits(path: Path) -> list[str] | None:
    """Return the split of each document, None if `write` was given none."""
    with reading(path), pq.ParquetFile(path) as file:
        if "split" not in file.schema_arrow.names:
            return None
        found = file.read(columns=["split"]).column("split").to_pylist()
        for name in found:
            if name not in SplitFiles.model_fields:
                raise ValueError(f"a document in the split {name!r}")
        return found


def lengths(path: Path) -> NDArray[np.int64]:
    """Return the characters of each document, int64 (D,)."""
    found = [pc.utf8_length(batch).to_numpy() for batch in batches(path)]
    return np.concatenate([np.empty(0, np.int64), *found]).astype(np.int64)
