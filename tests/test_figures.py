"""Figures: each draws what it is given, and the same figure is the same bytes."""

from collections.abc import Callable
from pathlib import Path

import matplotlib
import numpy as np
import pandas as pd
import pytest
from matplotlib.colors import to_hex
from matplotlib.figure import Figure
from PIL import Image

from figure_examples import (
    ALIKE,
    BEST,
    EXAMPLES,
    analogy_sections,
    associations,
    draw,
    gradient_by_lag,
    gradient_heat,
    interactions_recurrent,
    perplexity,
    rng,
    scores,
    sweep_recurrent,
    sweep_trials,
)
from figure_examples_networks import gradient_steps
from figure_tables import drawn
from wordlab.report.figures import FIGURES, png
from wordlab.report.figures.style import MODELS, Scale, line


def test_every_figure_has_an_example_and_says_what_it_shows() -> None:
    others = {name for name in FIGURES if name.endswith(("_word2vec", "_glove", "_ppmi"))} | ALIKE
    assert {example.__name__ for example in EXAMPLES} | others == set(FIGURES)
    for entry in FIGURES.values():
        assert entry.title and entry.caption.endswith(".")


@pytest.mark.parametrize("example", EXAMPLES)
def test_a_figure_is_labelled_and_written_at_a_readable_size(
    example: Callable[[], Figure], tmp_path: Path
) -> None:
    figure = example()
    (tmp_path / "figure.png").write_bytes(png(figure))
    with Image.open(tmp_path / "figure.png") as image:
        assert 600 <= image.width <= 1700
        assert not image.text  # nothing but pixels: no program, no date
    for axes in figure.axes:
        ticks = axes.get_xticklabels(which="both") + axes.get_yticklabels(which="both")
        assert not any("mathdefault" in tick.get_text() for tick in ticks)
    panels = [axes for axes in figure.axes if axes.get_label() != "<colorbar>"]
    for axes in panels:
        named = axes.get_xlabel() or axes.get_title(loc="left")
        ticked = any(tick.get_text() for tick in axes.get_xticklabels())
        assert named or ticked
    assert any(axes.get_xlabel() or axes.get_ylabel() for axes in figure.axes)


def test_the_same_figure_gives_the_same_bytes_whatever_the_readers_settings() -> None:
    first = png(scores())
    with matplotlib.rc_context({"font.size": 20, "lines.linewidth": 9, "savefig.dpi": 50}):
        second = png(scores())
    assert first == second != png(analogy_sections())


def test_a_model_has_one_colour_in_every_figure() -> None:
    by_perplexity = {text.get_text(): handle.get_color() for text, handle in _legend(perplexity())}
    by_lag = {text.get_text(): handle.get_color() for text, handle in _legend(gradient_by_lag())}
    assert {name: by_perplexity[name] for name in by_lag} == by_lag
    assert by_lag["LSTM"] == MODELS["lstm"][0]


def test_colours_are_distinct() -> None:
    colours = [to_hex(colour) for colour, _ in MODELS.values()]
    assert len(set(colours)) == len(colours)
    unknown = ["kneser_ney", "unigram"]
    assert line("kneser_ney", unknown)["color"] != line("unigram", unknown)["color"]


def test_a_trial_that_diverged_is_marked_and_stretches_no_axis() -> None:
    axes = sweep_recurrent().axes[0]
    dots = [drawn for drawn in axes.lines if drawn.get_alpha() == 0.3]
    crosses = [drawn for drawn in axes.lines if drawn.get_marker() == "x"]
    assert sum(len(drawn.get_xdata()) for drawn in dots) == 39
    assert sum(len(drawn.get_xdata()) for drawn in crosses) == 1
    assert axes.get_ylim()[1] < 6


def test_a_sweep_without_lengths_of_truncation_or_of_one_combination_has_no_figure_of_them() -> (
    None
):
    trials = sweep_trials()
    for name in ("context_recurrent", "stability_recurrent"):
        assert drawn(name, trials=trials.drop(columns="bptt_length")) is None
    one = pd.concat([trials[:1]] * 2, ignore_index=True).assign(seed=[1, 2], valid_loss=[4.0, 4.1])
    curves = pd.DataFrame(columns=["model", "setting", "value", "mean", "low", "high", "score"])
    assert drawn("sweep_recurrent", trials=one, marginals=curves, best=BEST) is None


def test_the_spread_of_the_seed_is_given_with_the_number_of_trainings() -> None:
    legend = sweep_recurrent().legends[0]
    said = [text.get_text() for text in legend.get_texts()]
    assert "± 1 standard deviation (n = 2)" in said


def test_a_sweep_has_room_for_its_bands_as_far_as_trainings_are_apart() -> None:
    assert any(
        text.get_text() == "interval of the mean"
        for text in sweep_recurrent().legends[0].get_texts()
    )
    near, far = (sweep_recurrent(reach).axes[0].get_ylim() for reach in (0.8, 50.0))
    assert near[0] < 3.7 and near[1] > 5.3
    assert 2.5 < far[0] < far[1] < 6.5


def test_gradients_are_of_the_initialisation_with_the_largest_norms() -> None:
    assert title(gradient_heat()).endswith(": orthogonal")
    steps = gradient_steps()
    steps.loc[steps["initialisation"] == "orthogonal", "norm"] = np.inf
    drawn_of = draw("gradient_heat", steps=steps)
    assert title(drawn_of).endswith(": uniform")
    steps.loc[steps["step"] == 3, "norm"] = np.inf
    assert png(draw("gradient_heat", steps=steps))


def title(figure: Figure) -> str:
    found = figure.get_suptitle()
    assert found
    return found


@pytest.mark.parametrize(
    ("mean", "written"), [(0.4, "0.401"), (4.0, "4.01"), (400.0, "401"), (0.0, "0")]
)
def test_maps_name_rates_and_means_as_they_are(mean: float, written: str) -> None:
    axes = interactions_recurrent((0.0125, 0.025, 0.04), mean).axes[0]
    assert [label.get_text() for label in axes.get_xticklabels()] == ["0.0125", "0.025", "0.04"]
    assert axes.texts[0].get_text() == written


def test_axes_of_settings_fit_their_values() -> None:
    random = rng()
    few = Scale.of(pd.Series([64, 32, np.nan]))
    assert few.texts == ("32", "64", "none")
    assert few.place([None, "32", 64.0]).tolist() == pytest.approx([5 / 6, 1 / 6, 1 / 2])
    rates, shares = random.uniform(-4, -1, 99), random.uniform(0.01, 0.6, 99)
    assert Scale.of(pd.Series(10**rates)).log
    assert not Scale.of(pd.Series(shares)).log
    assert Scale.of(pd.Series([True, False])).texts == ("False", "True")


def test_associations_that_stay_are_joined() -> None:
    rows = [("war", 1, 1, "civil"), ("war", 1, 2, "cold"), ("war", 5, 1, "cold")]
    axes = draw("ppmi_associations", associations=associations(rows)).axes[0]
    assert sorted(drawn.get_text() for drawn in axes.texts) == ["civil", "cold", "cold"]
    assert [drawn.get_ydata().tolist() for drawn in axes.lines] == [[2, 1]]


def _legend(figure: Figure) -> list[tuple[object, object]]:
    legend = figure.axes[0].get_legend() or figure.legends[0]
    return list(zip(legend.get_texts(), legend.get_lines(), strict=True))
