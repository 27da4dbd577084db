"""Evaluation sets as the stage fetch_sets has listed them, to which later stages are held."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path

from wordlab import artifacts, published
from wordlab.errors import UserError, notice
from wordlab.params.sets import catalogue

_LISTED: ContextVar[tuple[Path, Mapping[str, str]] | None] = ContextVar("listed", default=None)


@contextmanager
def held_to(path: Path) -> Iterator[None]:
    """Inside the block, fetch no set, and read only those that the list at `path` has.

    path: JSON, the `digest` of each set by its name in params.
    """
    token = _LISTED.set((path, artifacts.read_json(path)))
    try:
        yield
    finally:
        _LISTED.reset(token)


def fetching() -> bool:
    """Return whether sets that are not here may be fetched."""
    return _LISTED.get() is None


def has(name: str, place: str | Path) -> bool:
    """Return whether a set may be read, at its path or by its name in the catalogue.

    Outside of a block that is `held_to` a list, any may. A set that is not in the list is left out,
    with a notice, also if it is here now. Raises UserError if one of the list is gone, or another
    than it was.
    """
    listed = _LISTED.get()
    if listed is None:
        return True
    path, known = listed
    if name not in known:
        notice(
            f"{path}: {name} is not in it and left out; `dvc repro --force fetch_sets` looks for "
            "it again"
        )
        return False
    found = None if isinstance(place, Path) and not place.is_file() else digest(place)
    if found is None:
        raise UserError(
            f"{place}: no longer here, but in {path}; expected it back, or "
            "`dvc repro --force fetch_sets`"
        )
    if found != known[name]:
        raise UserError(
            f"{place}: not the set that {path} lists; `dvc repro --force fetch_sets` lists it as "
            "it is now"
        )
    return True


def digest(place: str | Path) -> str | None:
    """Return the md5 of a set by its path or name, of several files that of their list.

    None if it is not here.
    """
    files = published.files(catalogue()[place], fetch=False) if isinstance(place, str) else [place]
    entries = [{"md5": artifacts.md5(path), "relpath": path.name} for path in files]
    if len(entries) > 1:
        return artifacts.md5_of_listing(entries)
    return entries[0]["md5"] if entries else None
