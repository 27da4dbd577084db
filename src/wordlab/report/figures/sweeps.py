"""Figures of sweeps: how the settings move a score, one by one, in pairs, and all together."""

from collections.abc import Sequence

import matplotlib
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from wordlab.report.figures.settings import LOWER_IS_BETTER, Scale, plain, text, varied
from wordlab.report.figures.style import INK, MUTED, canvas, hide_unused, label, line, styled

BEST = "#d55e00"
DIVERGED = "diverged"
PATCH = {"fc": "white", "ec": "none", "alpha": 0.8, "pad": 0.8}


@styled
def sweep_marginals(
    trials: pd.DataFrame,
    curves: pd.DataFrame,
    settings: Sequence[str],
    score: str,
    noise: float | None = None,
) -> Figure:
    """Draw the score against each setting: every training, and the mean over the other settings.

    trials: a row a training: model, settings, `score`, optionally diverged. curves: columns model,
    setting, value, mean, low, high. noise: the standard deviation over seeds, drawn as a bar of
    +- that height.
    """
    models = list(trials["model"].unique())
    names = varied(trials, settings)
    columns = min(3, len(names))
    rows = -(-len(names) // columns)
    figure = canvas(columns, rows, max(3.4 * columns + 0.4, 5.0), 3.0 * rows + 0.9)
    gone = trials[DIVERGED] > 0 if DIVERGED in trials else trials["model"].isna()
    shown = trials.loc[~gone & trials[score].notna(), score]
    room = 0.06 * (shown.max() - shown.min()) + 1e-9
    bottom, top = shown.min() - room, shown.max() + room * (3 if gone.any() else 1)
    for axes, name in zip(figure.axes, names, strict=False):
        scale = Scale.of(trials[name])
        for number, model in enumerate(models):
            style = line(str(model), models)
            part = trials[(trials["model"] == model) & trials[score].notna()]
            apart = (number - (len(models) - 1) / 2) * 0.02
            places = scale.place(part[name].tolist()) + apart
            lost = gone[part.index].to_numpy()
            heights = np.where(lost, top - room, part[score])
            look = {"color": style["color"], "alpha": 0.3, "ls": "", "mew": 0, "zorder": 2}
            axes.plot(places[~lost], heights[~lost], style["marker"], ms=4, **look)
            axes.plot(places[lost], heights[lost], "x", ms=5, color=style["color"])
            curve = curves[(curves["model"] == model) & (curves["setting"] == name)]
            x = scale.place(curve["value"].tolist()) + apart
            axes.fill_between(
                x, curve["low"], curve["high"], color=style["color"], alpha=0.18, lw=0
            )
            marks = {**style, "marker": style["marker"] if len(curve) < 10 else ""}
            axes.plot(x, curve["mean"], zorder=3, **marks)
        scale.on_x(axes)
        axes.set(xlabel=plain(name), ylim=(bottom, top))
        if noise:
            middle = top - 2 * room - noise
            axes.errorbar([1.02], [middle], yerr=[noise], color=INK, lw=2.5, capsize=4)
    for axes in figure.axes[::columns]:
        axes.set_ylabel(plain(score))
    hide_unused(figure, len(names))
    better = "lower is better" if score in LOWER_IS_BETTER else "higher is better"
    figure.suptitle(f"The mean over all other settings ({better})", x=0.01, ha="left")
    handles = [Line2D([], [], **line(str(model), models)) for model in models]
    handles.append(Line2D([], [], marker="o", ls="", alpha=0.4, color=MUTED, label="a training"))
    if gone.any():
        handles.append(Line2D([], [], marker="x", ls="", color=MUTED, label="diverged"))
    if noise:
        handles.append(
            Line2D(
                [],
                [],
                color=INK,
                marker="|",
                ls="",
                ms=12,
                mew=2.5,
                label="± 1 standard deviation over seeds",
            )  # fmt: skip
        )
    figure.legend(handles=handles, loc="outside lower center", ncols=min(len(handles), 5))
    return figure


@styled
def interactions(maps: pd.DataFrame, score: str) -> Figure:
    """Draw the mean score over pairs of settings, a row of maps a model.

    maps: columns model, one, other (names of settings), value_one, value_other, mean.
    """
    models = list(maps["model"].unique())
    most = max(len(_pairs(maps[maps["model"] == model])) for model in models)
    figure = canvas(most, len(models), max(3.2 * most + 1.0, 5.0), 2.9 * len(models) + 0.5)
    grid = np.array(figure.axes).reshape(len(models), most)
    lower = score in LOWER_IS_BETTER
    colours = matplotlib.colormaps["cividis" if lower else "cividis_r"]
    for row, model in zip(grid, models, strict=True):
        own = maps[maps["model"] == model]
        norm = Normalize(own["mean"].min(), own["mean"].quantile(0.9) if lower else None)
        if not lower:
            norm = Normalize(own["mean"].quantile(0.1), own["mean"].max())
        pairs = _pairs(own)
        for axes, (one, other) in zip(row, pairs, strict=False):
            part = own[(own["one"] == one) & (own["other"] == other)]
            _map(axes, part, colours, norm, lower=lower)
            axes.set(xlabel=plain(one), ylabel=plain(other))
        for axes in row[len(pairs) :]:
            axes.set_axis_off()
        row[0].set_title(label(str(model)))
        ends = "max" if lower else "min"
        bar = figure.colorbar(ScalarMappable(norm, colours), ax=list(row), extend=ends, pad=0.01)
        bar.set_label(plain(score), fontsize=9)
    figure.suptitle("The mean over all other settings: darker is better", x=0.01, ha="left")
    return figure


def _pairs(maps: pd.DataFrame) -> list[tuple[str, str]]:
    pairs = maps[["one", "other"]].drop_duplicates()
    return list(pairs.itertuples(index=False, name=None))


def _map(
    axes: Axes, part: pd.DataFrame, colours: matplotlib.colors.Colormap, norm: Normalize, *,
    lower: bool,
) -> None:  # fmt: skip
    """Draw one map, the best of it marked, with numbers where there is room for them."""
    rows, columns = part["value_other"].map(text), part["value_one"].map(text)
    heights = part.assign(row=rows, column=columns).pivot(
        index="row", columns="column", values="mean"
    )
    heights = heights.loc[list(dict.fromkeys(rows)), list(dict.fromkeys(columns))]
    values = heights.to_numpy()
    axes.imshow(values, origin="lower", aspect="auto", cmap=colours, norm=norm)
    axes.grid(visible=False)
    for count, names, mark in (
        (values.shape[1], heights.columns, axes.set_xticks),
        (values.shape[0], heights.index, axes.set_yticks),
    ):
        steps = np.unique(np.linspace(0, count - 1, min(count, 5)).round().astype(int))
        mark(steps, [_short(names[step]) for step in steps])
    best = np.unravel_index(values.argmin() if lower else values.argmax(), values.shape)
    few = max(values.shape) <= 5
    for (row, column), value in np.ndenumerate(values):
        chosen = (row, column) == best
        if few or chosen:
            dark = sum(colours(norm(value))[:3]) < 1.4
            word = f"{value:.3g}" if few else "★"
            axes.text(
                column, row, word, ha="center", va="center", fontsize=9,
                weight="bold" if chosen else "normal", color="white" if dark else INK,
            )  # fmt: skip


def _short(name: str) -> str:
    try:
        return f"{float(name):.2g}" if float(name) < 100 else f"{float(name):.0f}"
    except ValueError:
        return name


@styled
def parallel_coordinates(trials: pd.DataFrame, settings: Sequence[str], score: str) -> Figure:
    """Draw each combination as a line across its settings to its mean score, a row a model.

    trials: a row a training: model, settings, `score`. Lines that share a value of a few are
    spread a little, by their score, to be told apart.
    """
    models = list(trials["model"].unique())
    names = varied(trials, settings)
    scales = {name: Scale.of(trials[name]) for name in names}
    figure = canvas(1, len(models), min(1.5 * len(names) + 3.0, 11.5), 2.9 * len(models) + 0.6)
    lower = score in LOWER_IS_BETTER
    colours = matplotlib.colormaps["cividis"]
    for axes, model in zip(figure.axes, models, strict=True):
        part = trials[(trials["model"] == model) & trials[score].notna()]
        means = part.groupby(names, sort=False, dropna=False)[score].mean().reset_index()
        means = means.sort_values(score, ascending=not lower).reset_index(drop=True)  # best last
        worst = means[score].quantile(0.9 if lower else 0.1)
        end = means[score].iloc[-1]
        reach = (worst - end) or 1.0
        good = ((worst - means[score]) / reach).clip(0, 1)
        ways = [_spread(scales[name], means[name]) for name in names]
        ways.append(good.to_numpy())
        for number, heights in enumerate(np.column_stack(ways)):
            best = number == len(means) - 1
            axes.plot(
                range(len(ways)), heights,
                color=BEST if best else colours(0.85 * (1 - good[number])),
                lw=3 if best else (1.6 if len(means) < 40 else 0.9),
                alpha=1 if best else 0.75, marker="o" if best else "", zorder=number + 3,
            )  # fmt: skip
        _rails(axes, [scales[name] for name in names], end, worst)
        axes.set_xticks(range(len(ways)), [*map(plain, names), plain(score).replace(", ", "\n")])
        axes.set_title(f"{label(str(model))}: {len(means)} combinations")
    figure.axes[-1].set_xlabel("settings, and the score, the best at the top")
    handles = [
        Line2D([], [], color=BEST, lw=3, marker="o", label="the best"),
        Line2D([], [], color=colours(0.0), lw=3, label="better"),
        Line2D([], [], color=colours(0.85), lw=3, label="worse (the worst tenth at the bottom)"),
    ]
    figure.legend(handles=handles, loc="outside lower center", ncols=3)
    return figure


def _spread(scale: Scale, values: pd.Series) -> np.ndarray:
    """Return the places of the values in order of score, apart where they are the same."""
    places = scale.place(values.tolist())
    if not scale.texts:
        return places
    same = values.map(text)
    rank = same.groupby(same).cumcount() / same.groupby(same).transform("size").clip(2)
    return np.asarray(places + (rank - 0.5) * 0.45 / len(scale.texts))


def _rails(axes: Axes, scales: Sequence[Scale], end: float, worst: float) -> None:
    """Draw an upright axis for each setting, with its values, and one for the score."""
    axes.set(xlim=(-0.15, len(scales) + 0.45), ylim=(-0.05, 1.05), yticks=[])
    axes.grid(visible=False)
    axes.spines[["left", "bottom"]].set_visible(False)
    axes.tick_params(axis="x", length=0)
    marks = [scale.ticks() for scale in scales]
    marks.append(
        (np.array([0.0, 0.5, 1.0]), [f"{worst + p * (end - worst):.4g}" for p in (0, 0.5, 1)])
    )
    for place, (heights, names) in enumerate(marks):
        axes.axvline(place, color=MUTED, lw=0.8, zorder=1)
        for height, name in zip(heights, names, strict=True):
            axes.annotate(
                name, (place, height), (5, 0), textcoords="offset points", va="center",
                fontsize=8.5, zorder=1000, bbox=PATCH,
            )  # fmt: skip
