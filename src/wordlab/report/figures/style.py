"""What all figures share: size, type, colours, and the one way to write them."""

from collections.abc import Callable, Iterable
from functools import wraps
from io import BytesIO
from pathlib import Path
from typing import Any, ParamSpec

import matplotlib
import matplotlib.style
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullFormatter

from wordlab.artifacts import replacing
from wordlab.names import EMBEDDINGS

P = ParamSpec("P")

INK = "#22272e"
MUTED = "#6e7781"
GRID = "#e4e7eb"
SPARE = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#7f7f7f")
"""For what is not a model: seven colours of Okabe & Ito 2008."""

MODELS = {
    "skipgram": (EMBEDDINGS["skipgram"], "#0072b2", "o"),
    "cbow": (EMBEDDINGS["cbow"], "#56b4e9", "s"),
    "ppmi": (EMBEDDINGS["ppmi"], "#e69f00", "D"),
    "svd": (EMBEDDINGS["ppmi_svd"], "#d55e00", "^"),
    "glove": (EMBEDDINGS["glove"], "#009e73", "v"),
    "rnn": ("RNN", "#999933", "o"),
    "lstm": ("LSTM", "#332288", "s"),
    "gru": ("GRU", "#cc6677", "^"),
}
"""Each model's label, colour and marker; the colours of Okabe & Ito 2008 and of Tol's `muted`
scheme, told apart with any colour vision within the word vectors and within the networks."""

OTHERS = {"kneser_ney": "Kneser-Ney", "char": "characters", "kneser_ney_character": "Kneser-Ney",
          "unigram_character": "unigram"}  # fmt: skip
"""Labels of what has no colour of its own."""

ALIASES = {"ppmi_svd": "svd", "ppmi-svd": "svd", "skip-gram": "skipgram", "skip_gram": "skipgram"}

STYLE = {
    "figure.dpi": 100,
    "figure.facecolor": "white",
    "figure.constrained_layout.use": True,
    "savefig.dpi": 144,
    "font.family": "DejaVu Sans",
    "font.size": 10,
    "text.color": INK,
    "axes.titlesize": 11,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.titlepad": 10,
    "axes.labelsize": 10,
    "axes.labelcolor": INK,
    "axes.edgecolor": MUTED,
    "axes.linewidth": 0.8,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": GRID,
    "grid.linewidth": 0.8,
    "xtick.color": INK,
    "ytick.color": INK,
    "xtick.labelsize": 9,
    "ytick.labelsize": 9,
    "lines.linewidth": 1.8,
    "lines.markersize": 5,
    "legend.frameon": False,
    "legend.fontsize": 9,
    "image.cmap": "cividis",
}


def styled(draw: Callable[P, Figure]) -> Callable[P, Figure]:
    """Draw in wordlab's style, whatever the reader's own matplotlibrc says."""

    @wraps(draw)
    def within(*args: P.args, **kwargs: P.kwargs) -> Figure:
        with matplotlib.style.context(["default", STYLE]):
            return draw(*args, **kwargs)

    return within


def png(figure: Figure) -> bytes:
    """Return `figure` as a PNG that holds pixels only: the same figure gives the same bytes."""
    image = BytesIO()
    with matplotlib.style.context(["default", STYLE]):
        figure.savefig(image, format="png", metadata={"Software": None})
    return image.getvalue()


def save(figure: Figure, path: Path) -> None:
    """Write `figure` as a PNG file, whole or not at all."""
    with replacing(path) as partial:
        partial.write_bytes(png(figure))


def key(model: str) -> str:
    """Return the name under which `model`, however it is written, has its colour."""
    plain = model.lower()
    return ALIASES.get(plain, plain)


def label(model: str) -> str:
    """Return the name of `model` as readers know it."""
    if key(model) in MODELS:
        return MODELS[key(model)][0]
    return OTHERS.get(model, model.replace("_", " "))


def line(model: str, others: Iterable[str] = ()) -> dict[str, Any]:
    """Return label, colour and marker of `model`, the same in every figure.

    A name that is none of the known models takes a spare colour by its place among `others`.
    """
    if key(model) in MODELS:
        name, colour, marker = MODELS[key(model)]
        return {"label": name, "color": colour, "marker": marker}
    unknown = [other for other in others if key(other) not in MODELS]
    place = unknown.index(model) if model in unknown else 0
    return {"label": label(model), "color": SPARE[place % len(SPARE)], "marker": "o"}


def canvas(columns: int = 1, rows: int = 1, width: float = 7.2, height: float = 4.0) -> Figure:
    """Return an empty figure of `width` x `height` inches, for `rows` x `columns` of axes."""
    figure = Figure(figsize=(width, height), layout="constrained")
    figure.subplots(rows, columns, squeeze=False)
    return figure


def whole_steps(axes: Axes) -> None:
    """Mark whole numbers only on the x axis: epochs, iterations, lengths."""
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))


def plain_log(axis: Axis, *, ticks: bool = True) -> None:
    """Write the ticks of a logarithmic axis as plain numbers: 100, 200, 500, or at its own."""
    if ticks:
        axis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axis.set_minor_formatter(NullFormatter())


def hide_unused(figure: Figure, used: int) -> None:
    """Take away the axes of a grid beyond the first `used`."""
    for axes in figure.axes[used:]:
        axes.remove()
