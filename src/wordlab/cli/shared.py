"""What commands share: where a person's paths start, models by name."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from wordlab import paths
from wordlab.errors import UserError
from wordlab.library import places

if TYPE_CHECKING:
    from wordlab.params.whole import Params

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


def apart(output: Path, source: Path) -> None:
    """Raise UserError if what is to be written is the file that is read."""
    if output.exists() and source.exists() and output.samefile(source):
        raise UserError(f"{output}: the file that is read; expected another one to write")


def settings() -> "Params":
    """Return what params.yaml holds; loaded here, so that `--help` is quick."""
    from wordlab.params.whole import PARAMS, load

    return load(PARAMS)


def made(mark: str, prefix: str = "") -> list[str]:
    """Return the names of the pipeline's models that have the file `mark`, without `prefix`."""
    return places.made(Path(), [mark], prefix)


def folder(model: str, mark: str, prefix: str = "") -> Path:
    """Return the folder of a model, given as a path or by name; `mark` is a file in it.

    prefix: what names of such models begin with, left out where they are listed.
    """
    if places.find(model, Path(), _start, [mark]) is None and not made(mark):
        require_checkout()
    return places.folder(model, Path(), _start, [mark], prefix)
