"""Kernels compiled for another processor give the same bytes: no sum has the compiler's order."""

import os
import platform
import subprocess
import sys

import pytest
from llvmlite import binding

SCRIPT = """
import hashlib
import numpy as np
import wordlab

words = np.random.default_rng(0).zipf(1.3, size=6000)
texts = [[f"w{min(word, 300)}" for word in line] for line in words.reshape(-1, 20)]
for params in (
    {"architecture": "skipgram"},
    {"architecture": "cbow"},
    {"architecture": "cbow", "output": "hierarchical_softmax"},
):
    vectors = wordlab.train_word2vec(texts, dimensions=40, epochs=2, min_count=1, **params)
    print(hashlib.md5(vectors.matrix.tobytes()).hexdigest())
for adagrad in ("reference", "paper"):
    vectors = wordlab.train_glove(texts, dimensions=40, iterations=3, min_count=1, adagrad=adagrad)
    print(hashlib.md5(vectors.matrix.tobytes()).hexdigest())
"""


def trained(environment):
    """Return what the script prints, run with variables of the environment."""
    return subprocess.run(
        [sys.executable, "-c", SCRIPT],
        env=os.environ | environment, capture_output=True, text=True, check=True,
    ).stdout  # fmt: skip


@pytest.mark.skipif(
    platform.machine() != "x86_64" or not binding.get_host_cpu_features().get("avx2", False),
    reason="the processors that it compiles for are x86-64 with AVX2",
)
def test_kernels_for_another_processor_give_the_same_bytes(tmp_path):
    features = binding.get_host_cpu_features()
    wide = features.get("avx512f", False)
    names = ("znver4", "icelake-server") if wide else ("haswell", "znver2")
    other = {
        "NUMBA_CPU_NAME": next(name for name in names if name != binding.get_host_cpu_name()),
        "NUMBA_CPU_FEATURES": ",".join(f"+{name}" for name, has in features.items() if has),
        "NUMBA_CACHE_DIR": str(tmp_path),
    }
    assert trained(other) == trained({})
