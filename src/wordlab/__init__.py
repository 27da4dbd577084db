"""wordlab: a reproducible laboratory for word vectors and recurrent language models."""

import hashlib
import os
from pathlib import Path

# numba recompiles a kernel when its own file changes, but not when a kernel that it calls does;
# so what it compiled is kept under a digest of all of them
_kernels = sorted(
    path
    for path in Path(__file__).parent.rglob("*.py")
    if path.stem.endswith("kernels") or path.stem == "llvm"
)
_digest = hashlib.blake2b(b"\0".join(path.read_bytes() for path in _kernels), digest_size=8)
os.environ.setdefault(
    "NUMBA_CACHE_DIR", str(Path(__file__).parent / "__pycache__" / _digest.hexdigest())
)
