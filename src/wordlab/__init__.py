"""wordlab: a reproducible laboratory for word vectors and recurrent language models."""

import _thread
import hashlib
import os
import signal
import sys
import time
from pathlib import Path
from types import TracebackType

_usual, _usual_of_callbacks = sys.excepthook, sys.unraisablehook


def _say_interrupted(
    kind: type[BaseException], error: BaseException, trace: TracebackType | None
) -> None:
    """Say in one line that a stage was interrupted, by Ctrl-C as it imported what it needs."""
    if issubclass(kind, KeyboardInterrupt):
        print(f"{Path(sys.argv[0]).stem}: interrupted; run it again", file=sys.stderr)
    else:
        _usual(kind, error, trace)


def _again(lost: "sys.UnraisableHookArgs") -> None:
    """Stop again, in a moment, where Ctrl-C or SIGTERM came in a callback, which cannot raise."""
    if issubclass(lost.exc_type, KeyboardInterrupt | SystemExit):
        interrupted = issubclass(lost.exc_type, KeyboardInterrupt)
        _thread.start_new_thread(_stop, (signal.SIGINT if interrupted else signal.SIGTERM,))
    else:
        _usual_of_callbacks(lost)


def _stop(number: int) -> None:
    time.sleep(0.05)  # until the callback has returned
    os.kill(os.getpid(), number)


_stages = Path(__file__).parents[2] / "stages"
if sys.argv and Path(sys.argv[0]).resolve().parent == _stages.resolve():
    sys.excepthook, sys.unraisablehook = _say_interrupted, _again

TYPE_CHECKING = False  # as `typing` has it, whose import would take as long as all of this
if TYPE_CHECKING:
    from wordlab.library.opening import open as open
    from wordlab.library.training import train_glove as train_glove
    from wordlab.library.training import train_ppmi as train_ppmi
    from wordlab.library.training import train_ppmi_svd as train_ppmi_svd
    from wordlab.library.training import train_word2vec as train_word2vec

# numba recompiles a kernel when its own file changes, but not when a kernel that it calls does;
# so what it compiled is kept under a digest of all files with kernels, in the main repository
_here = Path(__file__).parent
_main = Path(os.environ.get("DVC_ROOT") or "nowhere", "src", "wordlab")
_folders = [_here / part for part in ("embeddings", "recurrent", "text")]
_files = sorted([_here / "simd.py", *(path for each in _folders for path in each.rglob("*.py"))])
_kernels = [code for code in map(Path.read_bytes, _files) if b"njit" in code]
_digest = hashlib.blake2b(b"\0".join(_kernels), digest_size=8).hexdigest()
_code = _main if _main.is_dir() else _here
if not os.access(_code, os.W_OK):  # an installation that this account may only read
    _code = Path.home() / ".cache" / "wordlab"
os.environ.setdefault("NUMBA_CACHE_DIR", str(_code / "__pycache__" / _digest))
os.environ.setdefault(  # for other code, numba's own
    "NUMBA_CACHE_LOCATOR_CLASSES",
    "wordlab.compiled.Locator,UserWideCacheLocator,IPythonCacheLocator,ZipCacheLocator",
)

_PUBLIC = {
    "open": "opening",
    **dict.fromkeys(("train_word2vec", "train_glove", "train_ppmi", "train_ppmi_svd"), "training"),
}
"""What a person calls, and the module of `wordlab.library` that has it, loaded when it is used."""


def __getattr__(name: str) -> object:
    if name not in _PUBLIC:
        raise AttributeError(f"module 'wordlab' has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(f"wordlab.library.{_PUBLIC[name]}"), name)


def __dir__() -> list[str]:
    return sorted([*(name for name in globals() if name.startswith("__")), *_PUBLIC])
