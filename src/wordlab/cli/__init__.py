"""The `wordlab` command: look at what the pipeline made. Heavy imports wait for their command."""

import os
import sys
from typing import Annotated

import typer

from wordlab.cli import language, pipeline, shared, vectors
from wordlab.errors import UserError, in_one_line

app = typer.Typer(
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)


def _version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        print(f"wordlab {version('wordlab')}")
        raise typer.Exit


VersionOption = Annotated[
    bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
]


@app.callback()
def whole(version: VersionOption = False) -> None:
    """Look at what the pipeline of word vectors and language models made."""


for part in (vectors, language, pipeline):
    app.add_typer(part.app)


def main() -> None:
    """Run the command, from any folder of the checkout; a mistake gets one line and status 1."""
    try:
        shared.enter()
        try:
            app(prog_name="wordlab")
        finally:
            sys.stdout.flush()
    except BrokenPipeError:  # nobody reads on; Python's own flush at exit would say so
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise SystemExit(1) from None
    except (UserError, OSError) as error:
        print(f"wordlab: {in_one_line(error)}", file=sys.stderr)
        raise SystemExit(1) from None
    except MemoryError as error:
        print(f"wordlab: {str(error) or 'not enough memory'}", file=sys.stderr)
        raise SystemExit(1) from None
