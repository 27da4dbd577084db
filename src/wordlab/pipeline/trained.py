"""The trained models among what a stage made."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from wordlab.artifacts import read_text
from wordlab.params import flatten

SWITCH = "WORDLAB_LOG_MODELS"
"""The variable that, set to false, keeps models out of MLflow: for experiments by the hundred."""
FOLDER = "models"
"""What the folder of models is called."""
ANSWERS = "answers.npz"
"""What a model answered to each item it was scored on, for comparing another with it."""
LEARNED_FROM = ("corpus", "splits", "counts")
"""What models learn from, by the name of a stage's input."""


@dataclass(frozen=True)
class Trained:
    """A model of an output.

    within: its folder in that of the output, empty unless the output holds several.
    """

    name: str
    kind: str
    path: str
    within: str

    @property
    def example(self) -> str:
        """A question to it: a word that it knows, or the beginning of a text."""
        with_counts = read_text(Path(self.path) / self.within / "vocabulary.tsv").splitlines()
        return with_counts[0].partition("\t")[0]


def models(output: Path) -> Iterator[Trained]:
    """Yield the models that an output of a stage is or holds."""
    if output.parent.name != FOLDER or not output.is_dir():
        return
    for mark, kind in (
        ("vectors.npy", "word vectors"),
        ("indptr.npy", "word vectors"),
        ("model.safetensors", "language model"),
    ):
        if (output / mark).is_file():
            yield Trained(output.name, kind, str(output), "")
            return
    for weights in sorted(output.glob("*/model.safetensors")):
        within = weights.parent.name
        name = f"{output.name.removesuffix('s')}_{within}"
        yield Trained(name, "autoencoder", str(output), within)


def own(measured: Mapping[str, Any], model: Trained) -> dict[str, Any]:
    """Return what a stage measured of a model: all, or what it has under the model's name."""
    if not model.within:
        return dict(flatten(measured))
    found = measured.get(model.within.replace("_", " "), {})
    return dict(flatten(next(iter(found.values()), {})))
