"""Messages of one line for a person: a mistake of theirs, or what was left out of their data."""

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
    """Warn with a Notice: one line on standard error, once however often it is given."""
    usual = warnings.formatwarning

    def in_one_line(
        message: Warning | str,
        category: type[Warning],
        filename: str,
        lineno: int,
        line: str | None = None,
    ) -> str:
        return f"wordlab: {message}\n"

    warnings.formatwarning = in_one_line
    try:
        warnings.warn(Notice(text), stacklevel=2)
    finally:
        warnings.formatwarning = usual
