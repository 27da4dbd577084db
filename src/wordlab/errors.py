"""Messages of one line for a person: a mistake of theirs, or what was left out of their data.

No message holds a password.
"""

import re
import warnings

SECRETS = re.compile(
    r"""(?<=://)(?:[^\s/:@"']*:[^\s"']*|[^\s/"']*)@"""
    r"""|(?<=[?&])([\w-]*(?:password|passwd|pwd|token|secret|signature|credential|key)[\w-]*=)"""
    r"""[^\s&"'#]+""",
    re.IGNORECASE,
)
"""In an address: the name and the password before its host, and values that are like one."""


def masked(text: str) -> str:
    """Return a text with *** for the secrets in its addresses."""
    return SECRETS.sub(lambda found: f"{found[1]}***" if found[1] else "***@", text)


class UserError(Exception):
    """A mistake of the person at the keyboard, reported in one line that says what was expected.

    Stages and the command line print its text and exit with status 1, without a traceback.
    """

    def __init__(self, text: object) -> None:
        super().__init__(masked(str(text)))


def in_one_line(error: UserError | OSError) -> str:
    """Return the text of an error of a person or of the system, with the file it is about."""
    if isinstance(error, OSError) and error.filename:
        return masked(f"{error.filename}: {error.strerror}")
    return str(error)


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
        warnings.warn(Notice(masked(text)), stacklevel=2)
    finally:
        warnings.formatwarning = usual
