"""Compiled kernels are kept by their folder in the package, not by where the package is."""

import os
import subprocess
import sys
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


def test_kernels_of_a_package_that_may_only_be_read_are_kept_in_the_home(repository, tmp_path):
    script = "import os; os.access = lambda *a: False; import wordlab; print(os.environ['{}'])"
    kept = subprocess.run(
        [sys.executable, "-c", script.format("NUMBA_CACHE_DIR")],
        env={"PYTHONPATH": str(repository / "src"), "HOME": str(tmp_path)},
        capture_output=True, text=True, check=True,
    ).stdout  # fmt: skip
    assert Path(kept).is_relative_to(tmp_path / ".cache" / "wordlab")
