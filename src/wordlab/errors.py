"""What a person is told in one line: a mistake of theirs, and what was not as it might seem."""

import warnings


class UserError(Exception):
    """A mistake of the person at the keyboard, reported in one line that says what was expected.

    Stages and the command line print its text and exit with status 1, without a traceback.
    """


class Unreachable(UserError):
    """A server that cannot be reached: there may be no network."""


class Notice(UserWarning):
    """What a person should know of their data though the work goes on: what was left out."""


def notice(text: str) -> None:
    """Warn with a Notice, which is shown once however often it is given."""
    warnings.warn(Notice(text), stacklevel=2)


def show_notices() -> None:
    """Show every Notice as one line on standard error; other warnings stay as they are."""
    usual = warnings.formatwarning

    def formatted(
        message: Warning | str,
        category: type[Warning],
        filename: str,
        lineno: int,
        line: str | None = None,
    ) -> str:
        if issubclass(category, Notice):
            return f"wordlab: {message}\n"
        return usual(message, category, filename, lineno, line)

    warnings.formatwarning = formatted
