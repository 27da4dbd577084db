"""Names as MLflow and file systems take them."""

import hashlib
import posixpath
import re

LONGEST = 250
"""Characters of a name that MLflow takes."""
LONGEST_FILE = 200
"""Bytes of a file's name, of the 255 that file systems take."""


def legal(name: str) -> str:
    """Return the name of a param, a metric or a tag as MLflow takes it.

    It takes letters, digits and _ - . / : and blanks, up to LONGEST characters, that are a path in
    its shortest form. A name that had to be changed ends in some digits of its md5, so that two
    names stay two.
    """
    plain = re.sub(r"[^\w\-. /:]", "_", name) or "_"
    if posixpath.normpath(plain) != plain or plain.startswith(("..", "/")) or plain == ".":
        plain = re.sub(r"[/.]", "_", plain)
    return shortened(plain if plain == name else f"{plain} {_digits(name)}")


def file_name(name: str) -> str:
    """Return a name, with its ending, as a file in a folder can have it, changed as by `legal`."""
    stem, point, ending = name.rpartition(".")
    plain = re.sub(r"[^\w\-., ']", "_", stem).lstrip(".")
    cut = plain.encode()[:LONGEST_FILE].decode(errors="ignore")
    return f"{cut if cut == stem else f'{cut} {_digits(stem)}'}{point}{ending}"


def shortened(name: str) -> str:
    """Return a name of at most LONGEST characters, a longer one cut and with digits of its md5."""
    if len(name) <= LONGEST:
        return name
    digits = _digits(name)
    return f"{name[: LONGEST - len(digits) - 1]} {digits}"


def _digits(name: str) -> str:
    return hashlib.md5(name.encode("utf-8", "surrogatepass")).hexdigest()[:8]
