"""The n-gram models that the trainings of a sweep are held against."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from wordlab.analysis.variance import Grid
from wordlab.corpus.corpus import EncodedCorpus
from wordlab.corpus.vocabulary import Vocabulary
from wordlab.evaluation.ngrams import KneserNey
from wordlab.recurrent.batches import language_ids
from wordlab.sweeps.folds import Split


def baselines(
    pairs: Sequence[Split],
    valid: EncodedCorpus,
    vocabulary: Vocabulary,
    *,
    orders: Sequence[int],
) -> pd.DataFrame:
    """Return what n-gram models of the text that trials learn from reach where these are scored.

    One row per split: fold, from 1, unigram_loss and kneser_ney_loss, nats per symbol, and order,
    that of the Kneser-Ney model, one of `orders`, chosen on `valid`.
    """
    rows = []
    for number, split in enumerate(pairs, start=1):
        learnt, scored = (language_ids(part, vocabulary) for part in (split.learnt, split.scored))
        kind = {"classes": vocabulary.classes, "end": vocabulary.end}
        unigram = KneserNey.fit(learnt, order=1, **kind)
        chosen = KneserNey.chosen(learnt, language_ids(valid, vocabulary), orders=orders, **kind)
        rows.append(
            {
                "fold": number,
                "unigram_loss": float(unigram.losses(scored).mean()),
                "kneser_ney_loss": float(chosen.losses(scored).mean()),
                "order": chosen.order,
            }
        )
    return pd.DataFrame(rows)


def excess(trials: pd.DataFrame, known: pd.DataFrame, column: str) -> pd.Series:
    """Return by how much the loss of each trial is above a baseline's of its fold.

    known: as `baselines` returns them; column: one of their losses.
    """
    fold = trials["fold"] if "fold" in trials else pd.Series(1, index=trials.index)
    return trials["valid_loss"] - fold.fillna(1).map(known.set_index("fold")[column])


def trained(
    part: pd.DataFrame, known: pd.DataFrame, settings: Sequence[str], confidence: float
) -> bool:
    """Return whether the trainings of one model, a full grid, beat the unigram beyond the noise.

    The mean of each combination is below it by more than its margin, all intervals together. False
    where the noise is unknown.
    """
    grid = Grid.of(
        part.assign(excess=excess(part, known, "unigram_loss")), list(settings), "excess"
    )
    margins = grid.margins(np.eye(grid.means.size), confidence)
    return bool((grid.means.ravel() + margins < 0).all())


def beaten(table: pd.DataFrame, known: pd.DataFrame) -> dict[str, dict[str, float]]:
    """Return, for each model of `table`, how many trainings beat which baseline, and these.

    trainings; beat_unigram and beat_kneser_ney, how many of them; unigram_loss and
    kneser_ney_loss, means over folds.
    """
    return {
        str(model): {
            "trainings": len(part),
            "beat_unigram": int((excess(part, known, "unigram_loss") < 0).sum()),
            "beat_kneser_ney": int((excess(part, known, "kneser_ney_loss") < 0).sum()),
            "unigram_loss": float(known["unigram_loss"].mean()),
            "kneser_ney_loss": float(known["kneser_ney_loss"].mean()),
        }
        for model, part in table.groupby("model", sort=False)
    }
