"""The explorer: one HTML page, without a server, to ask word vectors and a language model on."""

from wordlab.explorer.page import build
from wordlab.explorer.text import beginnings

__all__ = ["beginnings", "build"]
