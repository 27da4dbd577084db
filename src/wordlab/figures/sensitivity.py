"""Figures of which settings matter."""

import pandas as pd
from matplotlib.figure import Figure

from wordlab.figures.settings import plain
from wordlab.figures.style import INK, MUTED, SPARE, canvas, label, styled

REGIONS = ("all", "best quarter")
LABELS = {"all": "of all", "best quarter": "within the best quarter"}


TERMS = 12
"""Settings and pairs shown, the largest of any model."""


@styled
def importance(shares: pd.DataFrame, score: str) -> Figure:
    """Draw the share of the variance of `score` that settings and pairs of settings make up.

    shares: columns model, term, order, share, low, high, by_chance, optionally region and r2. A
    panel a model; of each term a dot and its interval for each region, and what chance would give
    it as a stroke.
    """
    models = list(shares["model"].unique())
    own = shares[shares["order"].between(1, 2)]
    largest = own.groupby("term", sort=False)["share"].max().nlargest(TERMS).index
    own = own[own["term"].isin(largest)]
    terms = list(dict.fromkeys(own.sort_values("order", kind="stable")["term"]))
    regions = [name for name in REGIONS if "region" in own and name in set(own["region"])]
    figure = canvas(len(models), 1, 3.6 * len(models) + 1.8, 0.36 * len(terms) + 2.0)
    for axes, model in zip(figure.axes, models, strict=True):
        part = own[own["model"] == model]
        for number, region in enumerate(regions or [""]):
            mine = part[part["region"] == region] if region else part
            places = mine["term"].map(terms.index) + (number - (len(regions) > 1) / 2) * 0.3
            reach = [mine["share"] - mine["low"], mine["high"] - mine["share"]]
            axes.errorbar(
                mine["share"], places, xerr=[side.clip(lower=0) for side in reach], fmt="o", ms=5,
                color=SPARE[number], label=LABELS.get(region, "share, with its interval"),
            )  # fmt: skip
            axes.plot(
                mine["by_chance"], places, "|", ms=10, mew=1.6, color=INK,
                label=None if number else "what chance gives it",
            )  # fmt: skip
        seed = shares.loc[(shares["model"] == model) & (shares["term"] == "seed"), "share"]
        if seed.notna().any():
            axes.axvline(float(seed.iloc[0]), color=MUTED, lw=1, ls=":", label="the seed's share")
        names = [term.replace("_", " ").replace(" x ", " × ") for term in terms]
        axes.set_yticks(range(len(terms)), names)
        axes.set(xlim=(-0.02, 1.02), ylim=(len(terms) - 0.5, -0.5), xlabel="share of the variance")
        axes.tick_params(labelleft=axes is figure.axes[0])
        r2 = part["r2"].dropna() if "r2" in part else part["share"].iloc[:0]
        held_out = f", held-out R2 {r2.iloc[0]:.2f}" if len(r2) else ""
        axes.set_title(f"{label(str(model))}{held_out}")
    figure.suptitle(f"What moves the {plain(score).split(',')[0]}", x=0.01, ha="left")
    handles, labels = figure.axes[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=len(labels))
    return figure
