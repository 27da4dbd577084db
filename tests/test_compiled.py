"""Compiled kernels are kept by their folder in the package, not by where the package is."""

import os
from pathlib import Path

from wordlab.compiled import Locator
from wordlab.embeddings.word2vec import kernels


def test_kernels_are_kept_by_their_folder_in_the_package():
    kernel = next(one for one in vars(kernels).values() if hasattr(one, "py_func"))
    kept = Path(os.environ["NUMBA_CACHE_DIR"], "embeddings", "word2vec")
    assert Path(kernel.stats.cache_path) == kept


def test_other_code_keeps_a_folder_of_its_own(tmp_path):
    one, other = (Locator.get_suitable_cache_subpath(str(tmp_path / n / "k.py")) for n in "ab")
    assert one != other
