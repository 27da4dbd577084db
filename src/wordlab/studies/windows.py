"""What the width of the window does to PPMI: density, values, associations, neighbours, scores."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from wordlab.artifacts import Result
from wordlab.corpus.corpus import EncodedCorpus
from wordlab.corpus.vocabulary import Vocabulary, study_words
from wordlab.embeddings import ppmi
from wordlab.embeddings.counts import cooccurrence
from wordlab.embeddings.ppmi import PpmiModel
from wordlab.embeddings.vectors import Vectors
from wordlab.evaluation.comparison.comparison import compare
from wordlab.params.embeddings import (
    ComparisonParams,
    CooccurrenceParams,
    EvaluationParams,
    PpmiParams,
)
from wordlab.params.studies import WindowStudyParams

WORDS, MATRIX_WORDS = 4, 12
"""How many words are chosen from the text where nobody named any."""


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
) -> Result:
    """Count, weigh and factorise at each of `params.windows`, all else as in the other sections.

    Words that nobody named are chosen as in `study_words`. Tables:

    - summary: one row per window: cells and density (observed pairs, and their share of all pairs),
      ppmi_cells and ppmi_density (those above 0), mean, median and p95 (the 95th percentile) of the
      values above 0, in nats;
    - histograms: window, left and right (edges of a bin, the same at all windows), count;
    - associations: word, window, rank (from 1), context, ppmi;
    - blocks: window, word, and one column per context: the PPMI of a few words with one another;
      the contexts `word` and `window` are called `word (context)` and `window (context)`;
    - those of `compare` for the vectors of each window, which are models called `window 1`, ...
    """
    words = study_words(params.words, vocabulary, WORDS)
    matrix_words = study_words(params.matrix_words, vocabulary, MATRIX_WORDS)
    models: dict[int, PpmiModel] = {}
    vectors: dict[str, Vectors] = {}
    facts: dict[int, dict[str, float]] = {}
    for window in params.windows:
        settings = counting.model_copy(update={"window": window})
        counts = cooccurrence.count(corpus, vocabulary, settings, seed=seed, threads=threads)
        models[window] = model = ppmi.ppmi(counts, weighing, threads=threads)
        facts[window] = _facts(counts.matrix.nnz, model)
        vectors[f"window {window}"] = ppmi.factorise(
            model.matrix, vocabulary, weighing, seed=seed, threads=threads
        )
    compared = compare(vectors, evaluation, comparison, seed=seed)
    tables = {
        **compared.tables,
        "summary": pd.DataFrame({"window": window, **own} for window, own in facts.items()),
        "histograms": _histograms(models, params.bins),
        "associations": _associations(models, words, params.associations),
        "blocks": pd.concat(
            [_block(model, matrix_words).assign(window=window) for window, model in models.items()],
            ignore_index=True,
        ),
    }
    numbers = {f"window {window}": values for window, values in facts.items()}
    return Result(tables, {**numbers, **compared.metrics})


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


def _histograms(models: Mapping[int, PpmiModel], number: int) -> pd.DataFrame:
    top = max(float(model.matrix.data.max(initial=0)) for model in models.values())
    edges = np.linspace(0, top or 1.0, number + 1)
    counts = {window: np.histogram(own.matrix.data, edges)[0] for window, own in models.items()}
    bins = {"left": edges[:-1], "right": edges[1:]}
    parts = (pd.DataFrame({"window": w, **bins, "count": own}) for w, own in counts.items())
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
    """Return the PPMI of `words` with one another: one row per word, one column per context."""
    ids = [model.vocabulary.index[word] for word in words]
    values = model.matrix[ids][:, ids].toarray()
    contexts = [f"{word} (context)" if word in ("word", "window") else word for word in words]
    return pd.DataFrame(values, index=list(words), columns=contexts).reset_index(names="word")
