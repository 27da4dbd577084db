"""Where numba keeps compiled kernels: by their folder in the package, wherever the package is.

So experiments in temporary folders, and clones with the same NUMBA_CACHE_DIR, share what is
compiled; numba compares the code itself, by content.
"""

from pathlib import Path

from numba.core.caching import UserProvidedCacheLocator

PACKAGE = Path(__file__).parent


class Locator(UserProvidedCacheLocator):
    """numba's own, in a folder of NUMBA_CACHE_DIR without the place of the code in its name."""

    @classmethod
    def get_suitable_cache_subpath(cls, py_file: str) -> str:
        """Return the folder for the kernels of a file."""
        folder = Path(py_file).parent
        if folder.is_relative_to(PACKAGE):
            return folder.relative_to(PACKAGE).as_posix()
        return UserProvidedCacheLocator.get_suitable_cache_subpath(py_file)
