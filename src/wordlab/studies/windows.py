"""What the width of the window does to PPMI: density, values, associations, neighbours, scores."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from wordlab.artifacts import Result, rounded
from wordlab.corpus.corpus import EncodedCorpus
from wordlab.corpus.study_words import study_words
from wordlab.corpus.vocabulary import Vocabulary
from wordlab.embeddings.counts import cooccurrence
from wordlab.embeddings.ppmi import ppmi
from wordlab.embeddings.ppmi.ppmi import PpmiModel
from wordlab.embeddings.vectors import Vectors
from wordlab.evaluation.comparison import compare
from wordlab.params.embeddings import CooccurrenceParams, PpmiParams
from wordlab.params.evaluation import ComparisonParams, EvaluationParams
from wordlab.params.studies import WindowStudyParams

WORDS, MATRIX_WORDS = 4, 12
"""How many words are chosen from the text where nobody named any."""


@dataclass(frozen=True, eq=False)
class WindowStudy:
    """PPMI at several windows.

    summary: a row a window: cells and density (observed pairs, and their share of all),
    ppmi_cells and ppmi_density (those above 0), mean, median, p95 (the 95th percentile) of the
    values above 0, in nats. histograms: window, left, right (edges of a bin, the same for all
    windows), count. associations: word, window, rank (from 1), context, ppmi. blocks: window -> the
    PPMI of the same few words, as rows and as contexts. comparison: neighbours, overlap and scores
    of the vectors at each window, models being called `window 1` and so on. sentences: the same
    in words.
    """

    summary: pd.DataFrame = field(repr=False)
    histograms: pd.DataFrame = field(repr=False)
    associations: pd.DataFrame = field(repr=False)
    blocks: Mapping[int, pd.DataFrame] = field(repr=False)
    comparison: Result = field(repr=False)
    sentences: tuple[str, ...]

    def tables(self) -> dict[str, pd.DataFrame]:
        """Return the tables by name; `blocks` in one, with the columns window and word in front."""
        blocks = [
            block.reset_index(names="word").assign(window=window)
            for window, block in self.blocks.items()
        ]
        return {
            **self.comparison.tables,
            "summary": self.summary,
            "histograms": self.histograms,
            "associations": self.associations,
            "blocks": pd.concat(blocks, ignore_index=True),
        }

    def metrics(self) -> dict[str, Any]:
        """Return window -> the numbers of `summary`, and the comparison's, rounded."""
        rows = self.summary.to_dict("records")
        windows = {
            model_name(row["window"]): {name: x for name, x in row.items() if name != "window"}
            for row in rows
        }
        return {**rounded(windows), **rounded(self.comparison.metrics)}


def study_windows(
    corpus: EncodedCorpus,
    vocabulary: Vocabulary,
    params: WindowStudyParams,
    *,
    counting: CooccurrenceParams,
    weighing: PpmiParams,
    evaluation: EvaluationParams,
    comparison: ComparisonParams,
    seed: int,
    threads: int | None = None,
) -> WindowStudy:
    """Count, weigh and factorise at each of `params.windows`, all else as in the other sections.

    Which words are shown, and what a sentence says of them, is as in `study_words`.
    """
    words = study_words(params.words, vocabulary, WORDS)
    matrix_words = study_words(params.matrix_words, vocabulary, MATRIX_WORDS)
    models: dict[int, PpmiModel] = {}
    vectors: dict[str, Vectors] = {}
    facts: list[dict[str, Any]] = []
    for window in params.windows:
        settings = counting.model_copy(update={"window": window})
        counts = cooccurrence.count(corpus, vocabulary, settings, seed=seed, threads=threads)
        model = ppmi.ppmi(counts, weighing, threads=threads)
        facts.append({"window": window, **_facts(counts.matrix.nnz, model)})
        vectors[model_name(window)] = ppmi.factorise(
            model.matrix, vocabulary, weighing, seed=seed, threads=threads
        )
        models[window] = model
    summary = pd.DataFrame(facts)
    associations = _associations(models, words.words, params.associations)
    compared = compare(vectors, evaluation, comparison, seed=seed)
    return WindowStudy(
        summary=summary,
        histograms=_histograms(models, params.bins),
        associations=associations,
        blocks={window: _block(model, matrix_words.words) for window, model in models.items()},
        comparison=compared,
        sentences=(
            *_on_cells(summary),
            *_on_associations(associations, params),
            *_on_overlap(compared.tables["overlap"], comparison),
            *words.sentences("Words whose associations are shown"),
            *matrix_words.sentences("Words of the PPMI matrices"),
        ),
    )


def model_name(window: int) -> str:
    """Return what the vectors of a window are called among models."""
    return f"window {window}"


def _facts(observed: int, model: PpmiModel) -> dict[str, float]:
    """Return how many cells there are, and how their values lie."""
    values, pairs = model.matrix.data, len(model.vocabulary) ** 2
    median, p95 = np.quantile(values, (0.5, 0.95)) if len(values) else (np.nan, np.nan)
    return {
        "cells": observed,
        "density": observed / pairs,
        "ppmi_cells": len(values),
        "ppmi_density": len(values) / pairs,
        "mean": float(values.mean(dtype=np.float64)) if len(values) else np.nan,
        "median": float(median),
        "p95": float(p95),
    }


def _histograms(models: Mapping[int, PpmiModel], bins: int) -> pd.DataFrame:
    top = max(float(model.matrix.data.max(initial=0)) for model in models.values())
    edges = np.linspace(0, top or 1.0, bins + 1)
    parts = [
        pd.DataFrame(
            {
                "window": window,
                "left": edges[:-1],
                "right": edges[1:],
                "count": np.histogram(model.matrix.data, edges)[0],
            }
        )
        for window, model in models.items()
    ]
    return pd.concat(parts, ignore_index=True)


def _associations(models: Mapping[int, PpmiModel], words: Sequence[str], n: int) -> pd.DataFrame:
    rows = [
        {"word": word, "window": window, "rank": rank, "context": context, "ppmi": value}
        for word in words
        for window, model in models.items()
        for rank, (context, value) in enumerate(model.associations(word, n), start=1)
    ]
    return pd.DataFrame(rows, columns=["word", "window", "rank", "context", "ppmi"])


def _block(model: PpmiModel, words: Sequence[str]) -> pd.DataFrame:
    """Return the PPMI of `words` with one another."""
    ids = [model.vocabulary.index[word] for word in words]
    values = model.matrix[ids][:, ids].toarray()
    return pd.DataFrame(values, index=list(words), columns=list(words))


def _on_cells(summary: pd.DataFrame) -> list[str]:
    windows = ", ".join(f"{window}" for window in summary["window"])
    cells = ", ".join(
        f"{row.cells:,} ({row.density:.2%} of all)" for row in summary.itertuples(index=False)
    )
    positive = ", ".join(f"{share:.0%}" for share in summary["ppmi_cells"] / summary["cells"])
    medians, highs = summary["median"].to_numpy(), summary["p95"].to_numpy()
    return [
        f"At windows {windows} the pairs observed number {cells}; of these {positive} have a PPMI "
        "above 0.",
        f"As the window widens, the median PPMI above 0 {_course(medians)}: "
        f"{_listed(medians)} nats; its 95th percentile {_course(highs)}: {_listed(highs)}.",
    ]


def _course(values: NDArray[np.float64]) -> str:
    steps = np.diff(values)
    if len(steps) and (steps > 0).all():
        return "rises"
    return "falls" if len(steps) and (steps < 0).all() else "neither rises nor falls throughout"


def _listed(values: NDArray[np.float64]) -> str:
    return ", ".join(f"{value:.2f}" for value in values)


def _on_associations(associations: pd.DataFrame, params: WindowStudyParams) -> list[str]:
    """Say how many of each word's contexts the narrowest and the widest window share."""
    narrow, wide = min(params.windows), max(params.windows)
    if narrow == wide:
        return []
    sentences = []
    for word, own in associations.groupby("word", sort=False):
        sets = {
            window: own[own["window"] == window]["context"].tolist() for window in (narrow, wide)
        }
        shared = [context for context in sets[narrow] if context in sets[wide]]
        named = f" ({', '.join(shared)})" if shared else ""
        sentences.append(
            f"Of the {len(sets[narrow])} strongest associations of “{word}” at window {narrow}, "
            f"{len(shared)} are among the {len(sets[wide])} at window {wide}{named}."
        )
    return sentences


def _on_overlap(overlap: pd.DataFrame, comparison: ComparisonParams) -> list[str]:
    """Say which windows agree most and least about the nearest neighbours."""
    names = [str(name) for name in overlap.columns]
    values = overlap.to_numpy(dtype=np.float64)
    shares = {
        (names[i], names[j]): values[i, j]
        for i, j in combinations(range(len(names)), 2)
        if np.isfinite(values[i, j])
    }
    if not shares:
        return []
    most, least = max(shares, key=shares.__getitem__), min(shares, key=shares.__getitem__)
    start = (
        f"Of a word's {comparison.neighbours} nearest neighbours (mean over the "
        f"{comparison.overlap_words:,} commonest words) {' and '.join(most)} share "
        f"{shares[most]:.0%}"
    )
    if len(shares) == 1:
        return [f"{start}."]
    return [f"{start}, the most; {' and '.join(least)} {shares[least]:.0%}, the least."]
