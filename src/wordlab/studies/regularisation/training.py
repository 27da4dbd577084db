"""One network of the study of regularisation, and where its method would have stopped it."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from wordlab.params.language import LanguageModelParams
from wordlab.params.studies import RegularisationMethod, RegularisationStudyParams
from wordlab.recurrent.language_model import LanguageModel
from wordlab.recurrent.training import train
from wordlab.studies.text import Text
from wordlab.trials.runner import Outcome


@dataclass(frozen=True)
class Job:
    """A training: a cell held back by a method, from one of several seeds.

    patience: of early stopping, which does not end the training, as it may be of another method.
    """

    cell: str
    params: LanguageModelParams
    repetition: int
    seed: int
    patience: int


@dataclass(frozen=True, eq=False)
class Row:
    """What one epoch measured, in nats per token.

    test_losses: of each symbol, (N,); None at an epoch that no method can keep.
    """

    epoch: int
    train_loss: float
    valid_loss: float
    test_losses: NDArray[np.floating] | None = None


@dataclass(frozen=True, eq=False)
class Run:
    """A training up to where its method stops it, and the epoch whose weights are kept.

    rows: one per epoch; kept: the place of one of them; planned: how many epochs there would have
    been.
    """

    rows: Sequence[Row]
    kept: int
    planned: int

    @property
    def test_losses(self) -> NDArray[np.float64]:
        """Those of the epoch kept, of each symbol of the test text, (N,)."""
        found = self.rows[self.kept].test_losses
        assert found is not None
        return found.astype(np.float64)

    def metrics(self) -> dict[str, float]:
        """Return losses at the epoch kept, in nats per token, and the epochs run.

        gap: how much higher the loss of the test text is than that of the training text.
        """
        row, test_loss = self.rows[self.kept], float(self.test_losses.mean())
        return {
            "train_loss": row.train_loss,
            "valid_loss": row.valid_loss,
            "test_loss": test_loss,
            "gap": test_loss - row.train_loss,
            "best_epoch": row.epoch,
            "epochs": float(len(self.rows)),
            "saved_share": 1 - len(self.rows) / self.planned,
        }


Setting = tuple[str, str]
"""A cell and the name of a method."""
Runs = dict[Setting, list[Run]]
"""One per seed."""


_OWN = (
    "adaptive_cutoffs", "batch_size", "bptt_length", "epochs", "hidden_size", "layers", "rate",
)  # fmt: skip
"""Settings of networks that the section of the study has under the same names."""


def network_of(
    network: LanguageModelParams, method: RegularisationMethod, params: RegularisationStudyParams
) -> LanguageModelParams:
    """Return the settings of a small network held back by `method` alone."""
    changes = {
        **{name: getattr(params, name) for name in _OWN},
        "embedding_size": params.hidden_size,
        "embedding": "trained",
        "tied": False,  # tied ones start small: a small text teaches them little more than counts
        "examples": "streams",
        "carry_state": "always",
        **{f"dropout_{place}": method.dropout for place in ("input", "between", "output")},
        "dropout_recurrent": method.dropout_recurrent,
        "variational": method.variational,
        "weight_decay": method.weight_decay,
        **dict.fromkeys(("activation_penalty", "temporal_penalty", "warmup"), 0.0),
        "optimizer": "adamw",
        "schedule": "constant",
        **dict.fromkeys(("patience", "tokens", "minutes")),
    }
    return LanguageModelParams.model_validate({**network.model_dump(), **changes})


def learn(job: Job, text: Text) -> Outcome:
    """Train one network with one torch thread and return its `curve`.

    The arrays are the losses on the test text, named by epoch, of the two epochs that a method may
    keep: the last, and the one that early stopping keeps. No loss is rounded, whatever `precision`
    is trained with.
    """
    model = LanguageModel(job.params, text.vocabulary, "word", job.seed)
    rows: list[Row] = []

    def note(epoch: int, measured: Mapping[str, float]) -> None:
        test_losses = None
        with model.rounded(None):
            if all(measured["valid_loss"] < row.valid_loss for row in rows) or epoch == last:
                test_losses = model.token_losses(text.test.ids)
            train_loss = float(model.token_losses(text.train_ids).mean(dtype=np.float64))
        rows.append(Row(epoch, train_loss, measured["valid_loss"], test_losses))

    last = job.params.epochs

    started = time.monotonic()
    ids = text.train_ids, text.valid_ids
    train(
        model, *ids, job.params, seed=job.seed, rate_name="regularisation_study.rate",
        on_epoch=note,
    )  # fmt: skip
    kept = (rows[stop(rows, job.patience).kept], rows[-1])
    return Outcome(
        {"curve": [[row.epoch, row.train_loss, row.valid_loss] for row in rows]},
        {str(row.epoch): row.test_losses for row in kept if row.test_losses is not None},
        {"seconds": time.monotonic() - started},
    )


def stop(curve: Sequence[Row], patience: int | None) -> Run:
    """Return a whole training as it would have been with `patience`.

    With None it runs to its end and keeps its last epoch; else it ends after that many epochs
    without a better validation loss, and keeps the best.
    """
    if patience is None:
        return Run(curve, len(curve) - 1, len(curve))
    best = 0
    for place, row in enumerate(curve):
        if row.valid_loss < curve[best].valid_loss:
            best = place
        if place - best >= patience:
            return Run(curve[: place + 1], best, len(curve))
    return Run(curve, best, len(curve))
