"""What a model loaded from MLflow answers: the same as the `wordlab` command, by the same code.

A model in MLflow holds no weights. It names an output of DVC, by path and md5, and finds its bytes
in the checkout: in their place, or, where something else was trained since, in DVC's cache.
"""

import json
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict
from itertools import chain
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pandas as pd
from mlflow.exceptions import MlflowException
from mlflow.pyfunc import PythonModel, PythonModelContext

from wordlab import artifacts, paths
from wordlab.errors import UserError
from wordlab.params.text import PreprocessParams

Answer = Callable[[str, str, Mapping[str, Any]], Any]
"""Answers a row of a question: called with its task, the row and the params of inference."""


class Answering(PythonModel):
    """The model that `model_config` names: its `kind`, `path` and `md5`, where its checkout is."""

    def load_context(self, context: PythonModelContext) -> None:
        """Load the model. Raises UserError if its bytes are nowhere to be found."""
        config = context.model_config
        preprocess = PreprocessParams.model_validate(config["preprocess"])
        with located(config["path"], config["md5"], Path(config["checkout"])) as folder:
            self.answer = KINDS[config["kind"]](folder / config["within"], preprocess)

    def predict(
        self,
        context: PythonModelContext,
        model_input: pd.DataFrame,
        params: dict[str, Any] | None = None,
    ) -> list[Any]:
        """Return an answer per row of the one column, as the param `task` asks."""
        given = params or {}
        try:
            rows = model_input.iloc[:, 0].explode().tolist()  # MLflow has a dict of lists as a row
            return [self.answer(given.get("task", ""), row, given) for row in rows]
        except (UserError, ValueError) as error:
            problem = str(error).splitlines()[0]
            raise MlflowException.invalid_parameter_value(problem) from None


def of_vectors(folder: Path, preprocess: PreprocessParams) -> Answer:
    """Return what answers on word vectors, dense or sparse."""
    from wordlab.asking import words

    own, subwords = words.load(folder)

    def answer(task: str, row: str, params: Mapping[str, Any]) -> Any:
        asked, number = row.split(), int(params["number"])
        space = words.extended(own, subwords, asked)
        if task == "vectors":
            return [words.vector(space, word).tolist() for word in asked]
        match task, asked:
            case "neighbours", [word]:
                return _scored(words.neighbours(space, word, number))
            case "cosine", [first, second]:
                return words.cosine(space, first, second)
            case "analogy", [a, b, c]:
                return _scored(words.analogy(space, a, b, c, number))
        raise UserError(
            f"task {task!r} with {len(asked)} words; expected neighbours with one, cosine with "
            "two, analogy with three, or vectors"
        )

    return answer


def _scored(found: list[tuple[str, float]]) -> list[dict[str, Any]]:
    return [{"word": word, "cosine": score} for word, score in found]


def of_text(folder: Path, preprocess: PreprocessParams) -> Answer:
    """Return what answers on a language model."""
    from wordlab.asking.prediction import beginning, predict
    from wordlab.asking.surprisal import of_text as surprisal
    from wordlab.evaluation.language import generation
    from wordlab.params.language import DecodingParams
    from wordlab.recurrent.devices import threads
    from wordlab.recurrent.language_model import LanguageModel

    model = LanguageModel.load(folder)

    @threads()
    def answer(task: str, row: str, params: Mapping[str, Any]) -> Any:
        if task == "next":
            return asdict(predict(model, row, preprocess, int(params["number"])))
        if task == "surprisal":
            measured = surprisal(model, row, preprocess)
            sentences = chain.from_iterable(measured.tokens())
            return {
                "bits": measured.bits,
                "perplexity": measured.perplexity,
                "tokens": [
                    {**asdict(token), "probability": token.probability}
                    for token in chain.from_iterable(sentences)
                ],
            }
        if task == "complete":
            chosen = {name: params[name] for name in DecodingParams.model_fields}
            decoding = DecodingParams.model_validate({**chosen, "top_k": chosen["top_k"] or None})
            begun = beginning(model, row, preprocess)
            length, seed = int(params["length"]), int(params["seed"])
            return generation.generate(model, begun, length, decoding, seed=seed)
        raise UserError(f"task {task!r}; expected next, surprisal or complete")

    return answer


def of_sequences(folder: Path, preprocess: PreprocessParams) -> Answer:
    """Return what answers on an autoencoder, by sentences of a text as it was trained on them."""
    from wordlab.recurrent.devices import threads
    from wordlab.studies.autoencoder import network
    from wordlab.studies.autoencoder.scores import text as spelled
    from wordlab.studies.autoencoder.study import symbols_of
    from wordlab.text.preprocess import lines

    model = network.Autoencoder.load(folder)
    index, unknown = model.vocabulary.index, model.vocabulary.unknown

    @threads()
    def answer(task: str, row: str, params: Mapping[str, Any]) -> Any:
        read = [
            np.array([index.get(symbol, unknown) for symbol in symbols], np.int64)
            for symbols in symbols_of(lines(row, preprocess), model.params)
        ]
        if not read:
            raise UserError(f"{row!r}: no sentence of at most {model.params.max_length} symbols")
        latent = network.vectors(model, read)
        if task == "vectors":
            return latent.tolist()
        if task == "restore":
            own = network.decoded(model, latent)
            return [
                {"read": spelled(model, true), "restored": spelled(model, back)}
                for true, back in zip(read, own, strict=True)
            ]
        raise UserError(f"task {task!r}; expected restore or vectors")

    return answer


KINDS = {"word vectors": of_vectors, "language model": of_text, "autoencoder": of_sequences}


@contextmanager
def located(path: str, md5: str, logged_from: Path) -> Iterator[Path]:
    """Yield where the output at `path` is that has `md5`, in this checkout or the one of the run.

    A folder of links into DVC's cache where the checkout has another one. Raises UserError with
    what brings it back.
    """
    for checkout in dict.fromkeys([paths.checkout(Path.cwd()) or logged_from, logged_from]):
        place = checkout / path
        if place.exists() and artifacts.md5(place) == md5:
            yield place
            return
        with TemporaryDirectory() as scratch:
            found = Path(scratch) / "model"
            if _link(_cache(checkout), md5, found) and artifacts.md5(found) == md5:
                yield found
                return
    raise UserError(
        f"{path}: not here as it was logged, with the md5 {md5}; `dvc checkout {path}` or "
        f"`dvc pull {path}`, at the revision or experiment of its run, brings it back"
    )


def _cache(checkout: Path) -> Path:
    """Return the folder in which DVC keeps files by their md5."""
    command = [sys.executable, "-m", "dvc", "cache", "dir"]
    try:
        done = subprocess.run(command, cwd=checkout, capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):  # no such folder, or none of DVC's
        return checkout / ".dvc" / "cache" / "files" / "md5"
    return checkout / done.stdout.strip() / "files" / "md5"


def _link(cache: Path, md5: str, folder: Path) -> bool:
    """Make `folder` of links to the files of the folder `md5` in DVC's cache, if it has it."""
    listing = cache / md5[:2] / md5[2:]
    if not listing.is_file():
        return False
    for entry in json.loads(listing.read_text(encoding="utf-8")):
        link = folder / entry["relpath"]
        link.parent.mkdir(parents=True, exist_ok=True)
        link.symlink_to((cache / entry["md5"][:2] / entry["md5"][2:]).resolve())
    return True
