"""Whole numbers as text: denser than base64, which would not fit the page's limit.

Digits are the printable ASCII characters that neither JSON nor HTML gives a meaning. A group of
`characters` digits is one number, whose digits in base `levels` are `numbers` whole numbers. A
group stays below 2^53, so that JavaScript takes it apart exactly.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

DIGITS = "".join(chr(code) for code in range(33, 127) if chr(code) not in '"<\\')
"""The digits of base 91, in order."""


@dataclass(frozen=True)
class Code:
    """How many numbers below `levels` a group of characters holds."""

    levels: int
    numbers: int
    characters: int

    def __post_init__(self) -> None:
        room = len(DIGITS) ** self.characters
        if not self.levels**self.numbers <= room < 2**53:
            raise ValueError(f"{self}: a group does not hold its numbers, or is no exact float")

    def per(self, numbers: int) -> float:
        """Return the characters that `numbers` numbers take, but for the end of the last group."""
        return numbers * self.characters / self.numbers


VECTORS = Code(levels=35, numbers=10, characters=8)
"""Of word vectors: cosines are off by .006 on average."""
WEIGHTS = Code(levels=2681, numbers=4, characters=7)
"""Of a network's weights: probabilities are off by less than 1e-3."""
IDS = Code(levels=91**2, numbers=1, characters=2)
"""Of words, where there are no more than that."""
LISTS = Code(levels=91, numbers=1, characters=1)
"""Of the values in lists: a hundredth of the highest."""
FINE = Code(levels=91**3, numbers=1, characters=3)


def pack(numbers: NDArray[np.integer[Any]], code: Code) -> dict[str, Any]:
    """Return whole numbers from 0 to `code.levels` - 1, of any shape, as text with its code."""
    flat = numbers.ravel().astype(np.int64)
    if len(flat) and not 0 <= flat.min() <= flat.max() < code.levels:
        raise ValueError(f"{flat.min()} to {flat.max()}; expected 0 to {code.levels - 1}")
    padded = np.zeros(-len(flat) % code.numbers + len(flat), np.int64)
    padded[: len(flat)] = flat
    groups = padded.reshape(-1, code.numbers) @ code.levels ** np.arange(code.numbers)  # (G,)
    digits = groups[:, None] // 91 ** np.arange(code.characters) % 91  # (G, characters)
    alphabet = np.frombuffer(DIGITS.encode(), np.uint8)
    return {
        "levels": code.levels,
        "numbers": code.numbers,
        "characters": code.characters,
        "length": len(flat),
        "text": alphabet[digits.ravel()].tobytes().decode(),
    }


def rounded_rows(
    matrix: NDArray[np.floating[Any]], levels: int
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Return each row as whole numbers from -(levels // 2) to levels // 2, and their unit.

    matrix: (n, D); int64 (n, D) and float64 (n,). A row is about its unit times its numbers, whose
    largest is levels // 2; a row of zeros has unit 1.
    """
    units = np.abs(matrix).max(axis=1, initial=0).astype(np.float64) / (levels // 2)
    units[units == 0] = 1
    return np.rint(matrix / units[:, None]).astype(np.int64), units


def pack_rows(matrix: NDArray[np.floating[Any]], code: Code) -> dict[str, Any]:
    """Return the rows of `matrix` (n, D) as text, each up to a factor of its own."""
    whole, _ = rounded_rows(matrix, code.levels)
    return {**pack(whole + code.levels // 2, code), "width": matrix.shape[1]}


def pack_matrix(matrix: NDArray[np.floating[Any]]) -> dict[str, Any]:
    """Return a matrix of weights (n, D) as text, with the units of its rows."""
    whole, units = rounded_rows(matrix, WEIGHTS.levels)
    packed = pack(whole + WEIGHTS.levels // 2, WEIGHTS)
    return {**packed, "width": matrix.shape[1], "units": pack_values(units)}


def pack_values(values: NDArray[np.floating[Any]], code: Code = FINE) -> dict[str, Any]:
    """Return numbers (n,) as text, with what one level is worth."""
    (whole,), (unit,) = rounded_rows(values[None], code.levels)
    return {**pack(whole + code.levels // 2, code), "unit": float(unit)}


def pack_shares(values: NDArray[np.floating[Any]], code: Code) -> dict[str, Any]:
    """Return numbers of 0 and more, of any shape, as text, with what one level is worth."""
    unit = float(values.max(initial=0)) / (code.levels - 1) or 1.0
    return {**pack(np.rint(values / unit).astype(np.int64), code), "unit": unit}
