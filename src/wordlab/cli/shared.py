"""What commands share: where a person's paths start, models by name."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from wordlab import paths
from wordlab.errors import UserError

if TYPE_CHECKING:
    from wordlab.params.whole import Params

MODELS = Path("data/models")
LANGUAGE = "lm_"
"""What the folders of language models begin with."""
_start = Path()
"""The folder that the command was given in, which a person's paths are seen from."""

Number = Annotated[int, typer.Option("--number", "-n", min=1, help="How many to show.")]


def enter() -> None:
    """Go to the top of the checkout, if any; paths of a person stay those of where they are."""
    global _start
    _start = paths.enter_checkout()


def require_checkout() -> None:
    """Raise UserError outside a checkout, where there is nothing that the pipeline made."""
    if not Path("dvc.yaml").is_file():
        raise UserError(f"{Path.cwd()}: in no checkout of wordlab, which has dvc.yaml at its top")


def given(path: Path | str) -> Path:
    """Return a path as the person meant it, seen from the folder that the command was given in."""
    return _start / path


def settings() -> "Params":
    """Return what params.yaml holds; loaded here, so that `--help` is quick."""
    from wordlab.params.whole import PARAMS, load

    return load(PARAMS)


def made(mark: str, prefix: str = "") -> list[str]:
    """Return the names of the pipeline's models that have the file `mark`, without `prefix`."""
    found = MODELS.glob(f"{prefix}*/{mark}")
    return sorted(path.parent.name.removeprefix(prefix) for path in found)


def folder(model: str, mark: str, prefix: str = "") -> Path:
    """Return the folder of a model, given as a path or by name; `mark` is a file in it.

    prefix: what names of such models begin with, which the person may leave out.
    """
    for path in (given(model), MODELS / model, MODELS / f"{prefix}{model}"):
        if (path / mark).is_file():
            return path
    names = made(mark, prefix)
    if not names:
        require_checkout()
    hint = f"expected one of {', '.join(names)}" if names else "`make repro` trains the models"
    raise UserError(f"{model}: no such model; {hint}")
