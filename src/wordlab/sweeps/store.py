"""Trainings of a sweep kept in an Optuna study, so that an interrupted sweep goes on.

The study is in a database: a file of SQLite beside the stage's checkpoint, deleted when the stage
has succeeded, or the one whose URL is in WORDLAB_STORE, where it stays.
"""

import logging
import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from wordlab.checkpoints import Checkpoint
from wordlab.errors import UserError
from wordlab.params.sweeps import Range, Tried
from wordlab.sweeps.space import Trial
from wordlab.sweeps.trials import Kept, Metrics, Store

if TYPE_CHECKING:
    import optuna

VARIABLE = "WORDLAB_STORE"


def opened(name: str, space: Mapping[str, Tried], checkpoint: Checkpoint) -> Store:
    """Return the store of the sweep called `name`, in the database of WORDLAB_STORE or a file.

    Keeps nothing without either. Raises UserError if the database cannot be opened.
    """
    url = os.environ.get(VARIABLE)
    if not url and checkpoint.path is None:
        return Kept(checkpoint)
    return OptunaStore(url or _file(checkpoint.path), name, space)


def _file(path: Path | None) -> str:
    assert path is not None
    path.parent.mkdir(parents=True, exist_ok=True)
    return f"sqlite:///{path.with_suffix('.sqlite')}"


class OptunaStore:
    """A study for each recipe and model, a trial of it for each training that has ended.

    The trial's value is the validation loss, its attributes are `training` (its name) and
    `metrics`.
    """

    def __init__(self, url: str, name: str, space: Mapping[str, Tried]) -> None:
        import optuna
        from sqlalchemy.exc import SQLAlchemyError

        optuna.logging.set_verbosity(logging.WARNING)
        try:
            self.storage = optuna.storages.RDBStorage(url)
        except (SQLAlchemyError, ImportError, ValueError) as error:
            reason = str(error).splitlines()[0]
            raise UserError(f"{VARIABLE}: the database cannot be opened: {reason}") from None
        self.name = name
        self.distributions = {key: _distribution(tried) for key, tried in space.items()}
        self.studies: dict[str, optuna.Study] = {}

    def load(self, key: str) -> dict[str, dict[str, float]]:
        """Return the metrics of the trainings kept by the same recipe, by name."""
        import optuna

        start = f"{self.name} {key[:16]} "
        return {
            trial.user_attrs["training"]: trial.user_attrs["metrics"]
            for summary in optuna.get_all_study_names(self.storage)
            if summary.startswith(start)
            for trial in self._study(key, summary.removeprefix(start)).get_trials(deepcopy=False)
        }

    def add(self, key: str, trial: Trial, metrics: Metrics) -> None:
        """Keep the metrics of a training that has ended."""
        import optuna

        self._study(key, trial.model).add_trial(
            optuna.trial.create_trial(
                params=dict(trial.settings),
                distributions=self.distributions,
                value=metrics["valid_loss"],
                user_attrs={"training": trial.name, "metrics": dict(metrics)},
            )
        )

    def _study(self, key: str, model: str) -> "optuna.Study":
        import optuna

        name = f"{self.name} {key[:16]} {model}"
        if name not in self.studies:
            self.studies[name] = optuna.create_study(
                storage=self.storage, study_name=name, load_if_exists=True
            )
        return self.studies[name]


def _distribution(tried: Tried) -> Any:
    from optuna.distributions import (
        CategoricalDistribution,
        FloatDistribution,
        IntDistribution,
    )

    if not isinstance(tried, Range):
        return CategoricalDistribution(tried)
    if tried.whole:
        return IntDistribution(int(tried.low), int(tried.high), log=tried.log)
    return FloatDistribution(tried.low, tried.high, log=tried.log)
