"""What all figures share: size, type, colours, legends, intervals, and settings as axes."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from io import BytesIO
from typing import Any

import matplotlib.style
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullFormatter
from numpy.typing import NDArray
from PIL import Image

from wordlab import names

INK = "#22272e"
MUTED = "#6e7781"
GRID = "#e4e7eb"
SPARE = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#7f7f7f")
"""For what is not a model: seven colours of Okabe & Ito 2008."""

MODELS = {
    "skipgram": ("#0072b2", "o"),
    "cbow": ("#56b4e9", "s"),
    "subword": ("#cc79a7", "P"),
    "ppmi": ("#e69f00", "D"),
    "ppmi_svd": ("#d55e00", "^"),
    "glove": ("#009e73", "v"),
    "rnn": ("#999933", "o"),
    "lstm": ("#332288", "s"),
    "gru": ("#cc6677", "^"),
    "mingru": ("#882255", "v"),
    "minlstm": ("#88ccee", "D"),
    "sru": ("#117733", "P"),
    "mogrifier": ("#44aa99", "X"),
    "hgrn2": ("#ddcc77", "h"),
}
"""Each model's colour and marker; the colours of Okabe & Ito 2008 and of Tol's `muted` scheme,
distinct with any colour vision within the word vectors and within the networks."""

COLOURS = 128
"""Colours of an image, edges of letters and lines among them."""
FEW = 6
"""So many different numbers are side by side on an axis; more have a scale."""

STYLE = {
    "figure.dpi": 100,
    "figure.facecolor": "white",
    "figure.constrained_layout.use": True,
    "savefig.dpi": 144,
    "font.family": "DejaVu Sans",
    "font.size": 10,
    "text.color": INK,
    "text.parse_math": False,  # names and words may have a $
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


def png(figure: Figure) -> bytes:
    """Return `figure` as a PNG that holds pixels only: the same figure gives the same bytes."""
    drawn, image = BytesIO(), BytesIO()
    with matplotlib.style.context(["default", STYLE]):
        figure.savefig(drawn, format="png")
    few = Image.open(drawn).convert("RGB").quantize(COLOURS)  # a third of the size
    few.save(image, format="png", optimize=True)
    return image.getvalue()


def line(model: str, others: Iterable[str] = ()) -> dict[str, Any]:
    """Return label, colour and marker of `model`, the same in every figure.

    A name that is none of the known models takes a spare colour by its place among `others`.
    """
    if model in MODELS:
        colour, marker = MODELS[model]
        return {"label": names.model(model), "color": colour, "marker": marker}
    unknown = [other for other in others if other not in MODELS]
    place = unknown.index(model) if model in unknown else 0
    return {"label": names.plain(model), "color": SPARE[place % len(SPARE)], "marker": "o"}


def canvas(columns: int = 1, rows: int = 1, width: float = 7.2, height: float = 4.0) -> Figure:
    """Return an empty figure of `width` x `height` inches, for `rows` x `columns` of axes."""
    figure = Figure(figsize=(width, height), layout="constrained")
    figure.subplots(rows, columns, squeeze=False)
    return figure


def whole_steps(axes: Axes) -> None:
    """Mark whole numbers only on the x axis: epochs, iterations, lengths."""
    axes.xaxis.set_major_locator(MaxNLocator(6, integer=True))


def plain_log(axis: Axis, *, ticks: bool = True) -> None:
    """Write the ticks of a logarithmic axis as plain numbers: 100, 200, 500, or at its own."""
    if ticks:
        axis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axis.set_minor_formatter(NullFormatter())


def powers(axis: Axis) -> None:
    """Write the powers of ten of a logarithmic axis as 1, 0.1, 1e-05; math is never parsed."""
    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axis.set_minor_formatter(NullFormatter())


def panels(count: int, most: int, width: float, height: float, more: float = 0.0) -> Figure:
    """Return a figure of `count` axes in rows of at most `most`, `width` x `height` inches each.

    more: inches that the whole is higher.
    """
    columns = min(most, count)
    rows = -(-count // columns)
    figure = canvas(columns, rows, width * columns, height * rows + more)
    for axes in figure.axes[count:]:
        axes.remove()
    return figure


def bare(axes: Axes) -> None:
    """Take grid, frame and tick marks away, where words or cells fill the axes."""
    axes.grid(visible=False)
    axes.spines[:].set_visible(False)
    axes.tick_params(length=0)


def ranked(axes: Axes, title: str, heads: Sequence[str], most: int, order: str) -> None:
    """Make axes the columns of a list with places 1 to `most`; order: what is at the top."""
    axes.set_xticks(range(len(heads)), heads)
    axes.xaxis.tick_top()
    axes.set(xlim=(-0.5, len(heads) - 0.5), ylim=(most + 0.6, 0.4), yticks=[], ylabel=order)
    bare(axes)
    axes.set_title(title)


def legend_below(figure: Figure, handles: Sequence[Any] | None = None) -> None:
    """Put one legend under all axes: `handles`, or what the first axes show."""
    if handles is None:
        shown, labels = figure.axes[0].get_legend_handles_labels()
    else:
        shown, labels = list(handles), [str(handle.get_label()) for handle in handles]
    figure.legend(shown, labels, loc="outside lower center", ncols=min(len(shown), 3))


def arms(table: pd.DataFrame, measure: str = "score", ends: str = "") -> NDArray[np.float64]:
    """Return how far the intervals of a measure reach below and above, (2, n), 0 without one.

    ends: what the columns low and high begin with.
    """
    middle = table[measure]
    reach = np.array([middle - table[f"{ends}low"], table[f"{ends}high"] - middle], dtype=float)
    return np.clip(np.nan_to_num(reach), 0, None)


def apart(place: int, count: int, width: float = 0.7) -> float:
    """Return how far aside the `place`-th of `count` marks lies, so that none hides another."""
    return (place - (count - 1) / 2) * width / max(1, count)


@dataclass(frozen=True, eq=False)
class Scale:
    """Where the values of a setting lie between 0 and 1, and which of them are named.

    texts: the values side by side, as written, or none where low and high bound a scale.
    """

    texts: tuple[str, ...]
    low: float
    high: float
    log: bool

    @classmethod
    def of(cls, values: pd.Series) -> "Scale":
        """Return the scale on which `values` differ visibly."""
        different = values.drop_duplicates()
        numbers = pd.to_numeric(different, errors="coerce")
        boolean = pd.api.types.is_bool_dtype(values)
        if len(different) <= FEW or numbers.isna().any() or boolean:
            order = numbers.argsort() if numbers.notna().any() else different.map(text).argsort()
            texts = [text(value) for value in different.iloc[order.to_numpy()]]
            return cls(tuple(dict.fromkeys(texts)), 0, 1, False)
        low, high = float(numbers.min()), float(numbers.max())
        if low <= 0 or high < 8 * low:
            return cls((), low, high, False)
        middle = float(numbers.median())  # drawn uniformly, it is near the middle of the scale
        return cls((), low, high, middle - low < (high - low) / 3)

    def place(self, values: Sequence[Any]) -> NDArray[np.float64]:
        """Return the places of values in [0, 1]."""
        if self.texts:
            count = len(self.texts)
            places = {name: (i + 0.5) / count for i, name in enumerate(self.texts)}
            return np.array([places[text(value)] for value in values])
        low, high, given = self.low, self.high, np.asarray(values, dtype=np.float64)
        if self.log:
            low, high, given = np.log(low), np.log(high), np.log(given.clip(low))
        return np.asarray((given - low) / (high - low))

    def ticks(self) -> tuple[NDArray[np.float64], list[str]]:
        """Return the places to name, and their names."""
        if self.texts:
            return self.place(self.texts), list(self.texts)
        if self.log:
            steps = (1.0, 2.0, 5.0) if self.high < 100 * self.low else (1.0,)
            marks = LogLocator(subs=steps).tick_values(self.low, self.high)
        else:
            marks = MaxNLocator(4).tick_values(self.low, self.high)
        kept = [float(mark) for mark in marks if self.low * 0.999 <= mark <= self.high * 1.001]
        return self.place(kept), [f"{mark:g}" for mark in kept]

    def on_x(self, axes: Axes) -> None:
        """Make this the x axis."""
        places, texts = self.ticks()
        axes.set_xticks(places, texts, fontsize="x-small" if len("".join(texts)) > 20 else None)
        axes.set_xlim(-0.04, 1.04)


def text(value: Any) -> str:
    """Return a setting's value as it is written: 10 for 10.0 too, `none` for nothing."""
    if value is None or (isinstance(value, float) and np.isnan(value)):
        return "none"
    try:
        return f"{float(value):g}" if not isinstance(value, bool | np.bool_) else str(value)
    except ValueError:
        return "none" if value == "None" else str(value)


def varied(trials: pd.DataFrame, settings: Sequence[str]) -> list[str]:
    """Return those of `settings` of which more than one value was tried."""
    return [name for name in settings if trials[name].nunique(dropna=False) > 1]
