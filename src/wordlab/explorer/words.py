"""Word vectors, and the nearest words of what has none, as the page holds them."""

import json
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from wordlab import names
from wordlab.corpus.vocabulary import Vocabulary
from wordlab.embeddings.vectors import Vectors
from wordlab.errors import UserError
from wordlab.evaluation.comparison.neighbours import nearest
from wordlab.evaluation.vectors.similarity import DenseSpace, SparseSpace
from wordlab.explorer.packing import (
    FINE,
    IDS,
    LISTS,
    VECTORS,
    Code,
    pack,
    pack_rows,
    pack_shares,
    rounded_rows,
)
from wordlab.progress import thread_count

Spaces = Mapping[str, DenseSpace | SparseSpace]

CHECKED = 200
"""Words whose neighbours are looked up to say what rounding changes."""
ROWS = 256
"""Words whose neighbours a thread looks up at a time."""


def common(spaces: Spaces) -> Vocabulary:
    """Return the words that all spaces know, commonest first by the first space's counts.

    Raises UserError if there are none.
    """
    first, *others = (space.vocabulary for space in spaces.values())
    kept = [i for i, word in enumerate(first.words) if all(word in other for other in others)]
    if not kept:
        raise UserError(f"{', '.join(spaces)}: no word in common; expected models of one language")
    return Vocabulary(tuple(first.words[i] for i in kept), first.counts[kept])


def fitting(spaces: Spaces, words: Vocabulary, neighbours: int, room: int) -> int:
    """Return how many of `words` the page can have in `room` characters."""
    entry = _ids_code(len(words)).characters + LISTS.characters
    fixed = sum(
        VECTORS.per(space.vectors.matrix.shape[1])
        if isinstance(space, DenseSpace)
        else 2 * neighbours * entry
        for space in spaces.values()
    )
    written = [
        len(json.dumps(word, ensure_ascii=False).replace("<", r"\u003c").encode())
        + len(str(count))
        + 2
        for word, count in zip(words.words, words.counts.tolist(), strict=True)
    ]
    return int(np.searchsorted(np.cumsum(np.array(written) + fixed), room, side="right"))


def restricted(spaces: Spaces, words: Vocabulary) -> Iterator[DenseSpace]:
    """Yield the dense ones of `spaces` with nothing but `words`, all of them known."""
    for space in spaces.values():
        if isinstance(space, DenseSpace):
            rows = [space.vocabulary.index[word] for word in words.words]
            yield DenseSpace(Vectors(words, space.vectors.matrix[rows]))


def _ids_code(words: int) -> Code:
    return IDS if words <= IDS.levels else FINE


def packed(spaces: Spaces, words: Vocabulary, neighbours: int) -> list[dict[str, Any]]:
    """Return what the page has of each space for `words`, all of them known, for JSON.

    Dense rows are rounded, and the page finds their neighbours. Sparse rows would not fit: it has
    the `neighbours` nearest of each word among `words`, and the columns of its highest cells.
    """
    entries = []
    for name, space in spaces.items():
        rows = np.array([space.vocabulary.index[word] for word in words.words], dtype=np.int64)
        entry: dict[str, Any] = {"name": names.model(name)}
        if isinstance(space, DenseSpace):
            entry["rows"] = pack_rows(space.vectors.matrix[rows], VECTORS)
        else:
            part = SparseSpace(words, space.matrix[rows])
            entry["near"] = _packed_lists(*_all_nearest(part, neighbours))
            entry["associations"] = _packed_lists(*_highest(part.matrix[:, rows], neighbours))
        entries.append(entry)
    return entries


def _all_nearest(space: SparseSpace, n: int) -> tuple[NDArray[np.int64], NDArray[np.floating[Any]]]:
    """Return `nearest` of every word, computed in threads."""
    blocks = np.array_split(np.arange(len(space.vocabulary)), len(space.vocabulary) // ROWS + 1)
    _ = space.normalized  # once, for all threads
    with ThreadPoolExecutor(thread_count()) as pool:
        ids, cosines = zip(*pool.map(partial(nearest, space, n=n), blocks), strict=True)
    return np.concatenate(ids), np.concatenate(cosines)


def _packed_lists(ids: NDArray[np.int64], values: NDArray[np.floating[Any]]) -> dict[str, Any]:
    """Return lists of words and their values, (n, k) each; what is not above 0 is no entry."""
    return {
        "width": ids.shape[1],
        "ids": pack(ids, _ids_code(len(ids))),
        "values": pack_shares(np.maximum(values, 0), LISTS),
    }


def _highest(matrix: Any, n: int) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """Return the columns of the `n` highest cells of each row, highest first, and their values.

    matrix: sparse (V, V) in CSR. int64 (V, n) and float32 (V, n), 0 where a row has fewer cells;
    of equal cells the first comes first.
    """
    matrix.sort_indices()
    columns = np.zeros((matrix.shape[0], n), np.int64)
    values = np.zeros((matrix.shape[0], n), np.float32)
    for row, (start, stop) in enumerate(zip(matrix.indptr, matrix.indptr[1:], strict=False)):
        cells = matrix.data[start:stop]
        best = np.argsort(-cells, kind="stable")[:n]
        columns[row, : len(best)] = matrix.indices[start:stop][best]
        values[row, : len(best)] = cells[best]
    return columns, values


def kept_by_rounding(spaces: Spaces, words: Vocabulary, neighbours: int) -> float | None:
    """Return the share of nearest words that are the same from rounded rows; None without any.

    Over `CHECKED` of `words`, evenly spaced, and all dense spaces.
    """
    asked = np.unique(np.linspace(0, len(words) - 1, CHECKED).astype(np.int64))
    shares = []
    for space in restricted(spaces, words) if len(words) > 1 else ():
        exact = space.vectors.matrix
        rounded = rounded_rows(exact, VECTORS.levels)[0].astype(np.float32)
        with threadpool_limits(1):  # sums depend on the number of threads
            found = [
                nearest(DenseSpace(Vectors(words, matrix)), asked, neighbours)[0]
                for matrix in (exact, rounded)
            ]
        shares += [len(np.intersect1d(a, b)) / len(a) for a, b in zip(*found, strict=True)]
    return round(float(np.mean(shares)), 3) if shares else None


def mapped(
    maps: Mapping[str, Mapping[str, Any]],
    words: Vocabulary,
    stability: Mapping[str, Mapping[str, float]],
) -> list[dict[str, Any]]:
    """Return the words of `words` in the plane, one entry per model, for JSON.

    maps: by model, as `Projection.drawn` has them; stability: by model and word, where measured.
    """
    entries = []
    for name, drawn in maps.items():
        kept = [i for i, word in enumerate(drawn["words"]) if word in words]
        entry = {
            "name": names.model(name),
            "ids": [words.index[drawn["words"][i]] for i in kept],
            "explained": drawn["explained"],
            **{way: [drawn[way][i] for i in kept] for way in ("tsne", "pca")},
        }
        if name in stability:
            known = [stability[name].get(drawn["words"][i]) for i in kept]
            entry["stability"] = [one if one is None else round(one, 2) for one in known]
        entries.append(entry)
    return entries
