"""The data that gensim packages among its tests: the sample text and the evaluation sets."""

from importlib.util import find_spec
from pathlib import Path

from wordlab.errors import UserError


def gensim_data(name: str) -> Path:
    """Return the path of the file `name` of gensim's test data, without the cost of importing it.

    Raises UserError if gensim is not installed.
    """
    spec = find_spec("gensim")
    if spec is None or spec.origin is None:
        raise UserError("gensim is not installed; `make repro` installs it")
    return Path(spec.origin).parent / "test" / "test_data" / name
