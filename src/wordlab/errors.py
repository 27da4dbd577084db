"""The one exception that is a person's mistake rather than a fault of the program."""


class UserError(Exception):
    """A mistake of the person at the keyboard, reported in one line that says what was expected.

    Stages and the command line print its text and exit with status 1, without a traceback.
    """


class Unreachable(UserError):
    """A server that cannot be reached: there may be no network."""
