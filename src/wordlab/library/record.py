"""What dvc.lock and the metrics say of a model of the pipeline."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from wordlab import paths, rng
from wordlab.artifacts import md5, read_json
from wordlab.library.places import LANGUAGE
from wordlab.params import flatten
from wordlab.pipeline import lockfile

PROVENANCE = Path("data/raw/provenance.json")
MEASURED = {
    False: ("evaluate_embeddings", Path("reports/metrics/embeddings.json")),
    True: ("evaluate_lm", Path("reports/metrics/language_models.json")),
}
"""The stage that scores word vectors, or language models, and what it writes."""
NETWORKS = 0.95
"""The confidence of the intervals of language models."""


@dataclass(frozen=True)
class Record:
    """How a model came about, by dvc.lock, whose md5 its files have.

    name: of the model; output, md5: as dvc.lock names it; stage: that made it; params: nested,
    those of the stage; seed: of this training; trainings: how many differ in it alone; revision:
    of Git, None where it has another model; source: the provenance of the text; scores: the
    model's metrics, empty where they are not of these bytes; confidence: of their intervals.
    """

    name: str
    output: Path
    md5: str
    stage: str
    params: Mapping[str, Any]
    seed: int
    trainings: int
    revision: str | None
    source: Mapping[str, Any]
    scores: Mapping[str, Any]
    confidence: float

    @property
    def settings(self) -> dict[str, Any]:
        """The params, keys joined by points."""
        return flatten(self.params)


def record(place: Path, repository: Path) -> Record | None:
    """Return the record of the model in the folder `place`; None if dvc.lock has no such bytes.

    Raises UserError if dvc.lock is damaged.
    """
    try:
        within = place.resolve().relative_to(repository.resolve())
    except ValueError:
        return None
    made = lockfile.made(repository / lockfile.LOCK)
    output = next((path for path in map(Path, made) if within.is_relative_to(path)), None)
    if output is None:
        return None
    stage, digest = made[str(output)]
    if md5(repository / output) != digest:
        return None
    params = lockfile.stage(repository, stage).get("params", {}).get("params.yaml", {})
    trainings = int(params.get("vector_seeds", 1))
    training = 1 if within == output else int(within.name.removeprefix("seed_"))
    name = output.name.removeprefix(LANGUAGE)
    network = output.name.startswith(LANGUAGE)
    evaluation, metrics = MEASURED[network]
    evaluated = lockfile.stage(repository, evaluation)
    read = [(one["path"], one.get("md5")) for one in evaluated.get("deps", [])]
    scored = (str(output), digest) in read
    measured = _unchanged(repository, metrics, made) if scored else {}
    committed = lockfile.committed(repository) or {}
    return Record(
        name=name,
        output=output,
        md5=digest,
        stage=stage,
        params=params,
        seed=rng.seeds(params["seed"], training)[-1],
        trainings=trainings,
        revision=paths.revision(repository) if committed.get(str(output)) == digest else None,
        source=_unchanged(repository, PROVENANCE, made),
        scores=measured.get(name, {}),
        confidence=NETWORKS if network else _confidence(evaluated),
    )


def _confidence(evaluated: Mapping[str, Any]) -> float:
    """Return the confidence of the intervals of word vectors, as their stage last had it."""
    params = evaluated.get("params", {}).get("params.yaml", {})
    return float(params.get("evaluation", {}).get("confidence", math.nan))


def _unchanged(
    repository: Path, path: Path, made: Mapping[str, tuple[str, str]]
) -> Mapping[str, Any]:
    """Return what a JSON file holds; nothing if it is not the one that dvc.lock has."""
    whole, (_, digest) = repository / path, made.get(str(path), ("", ""))
    found: Mapping[str, Any] = {}
    if whole.is_file() and md5(whole) == digest:
        found = read_json(whole)
    return found
