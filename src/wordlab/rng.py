"""Named random streams, all derived from the one `seed` of params.yaml."""

import hashlib

import numpy as np


def derive(seed: int, *names: str | int) -> int:
    """Return an unsigned 63-bit seed for the stream `names` under `seed`.

    Different names give independent seeds; the same names give the same seed on every machine.
    """
    text = "\x1f".join(str(part) for part in (seed, *names))
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "little") >> 1


def seeds(seed: int, count: int) -> list[int]:
    """Return the seeds of `count` trainings that differ in the seed alone, `seed` being the first.

    More of them begin with the same ones.
    """
    return [seed, *(derive(seed, "training", number) for number in range(2, count + 1))]


def stream(seed: int, *names: str | int) -> np.random.Generator:
    """Return the NumPy generator (PCG64) of the stream `names` under `seed`."""
    return np.random.Generator(np.random.PCG64(derive(seed, *names)))
