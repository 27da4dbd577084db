"""A text coloured by surprisal: one HTML page that needs no script and no other file.

What was typed is data: the template escapes all of it, and a policy lets the browser run nothing.
"""

import base64
import hashlib
from functools import partial
from pathlib import Path

import jinja2

from wordlab.asking.surprisal import Surprisal, Token

FOLDER = Path(__file__).parent
TEMPLATES = jinja2.Environment(
    loader=jinja2.FileSystemLoader(FOLDER),
    autoescape=True,
    undefined=jinja2.StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
    keep_trailing_newline=True,
)
STEPS = 16
"""Strengths of the colour."""
MOST = {"word": 16, "character": 8}
"""Bits from which on the colour gets no stronger."""


def build(measured: Surprisal, *, model: str, source: str) -> str:
    """Return the page of a text that `model` has read; source: what the text is called."""
    style = (FOLDER / "page.css").read_text(encoding="utf-8")
    style += "".join(
        f".h{step} {{ background: rgb(var(--warm) / {0.6 * step / STEPS:.4f}); }}\n"
        for step in range(STEPS + 1)
    )
    most = MOST[measured.model.level]
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    return TEMPLATES.get_template("page.html").render(
        policy=f"default-src 'none'; style-src 'sha256-{digest}'",
        style=style,
        model=model,
        source=source,
        measured=measured,
        documents=list(measured.tokens()),
        level=measured.model.level,
        most=most,
        heat=partial(heat, most=most),
        cost=cost,
        shown=shown,
    )


def heat(token: Token, most: int) -> int:
    """Return how strong the colour of a token is, from 0 to STEPS."""
    return round(STEPS * min(1, token.surprisal / most))


def shown(token: Token) -> str:
    """Return a token as the text shows it."""
    return "\N{DOWNWARDS ARROW WITH CORNER LEFTWARDS}" if token.text is None else token.text


def cost(token: Token) -> str:
    """Return what a token cost, in a line."""
    what = "end of sentence" if token.text is None else token.text
    if token.text == " ":
        what = "space"
    unknown = "" if token.known else ", unknown: the cost is that of any unknown one"
    return (
        f"{what}{unknown}: {token.surprisal:.2f} bits, probability {token.probability:.2g}, "
        f"rank {token.rank:,}"
    )
