"""Figures of the trainings of language models."""

from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from wordlab.report.figures.registry import figure
from wordlab.report.figures.style import INK, canvas, line, plain_log, whole_steps
from wordlab.report.results import Study


@figure("train_lm", "Perplexity by epoch", "Training and validation perplexity by epoch.")
def perplexity(study: Study) -> Figure:
    """Draw perplexity by epoch, one colour per model: training dashed, validation solid."""
    curves = study.curve("lm").query("model != 'char'")
    models = list(curves["model"].unique())
    drawn = canvas()
    axes = drawn.axes[0]
    for split in ("train", "valid"):
        for model, curve in curves.groupby("model", sort=False):
            style, training = line(str(model), models), split == "train"
            axes.plot(
                curve["epoch"],
                curve[f"{split}_perplexity"],
                color=style["color"],
                marker="" if training else style["marker"],
                linestyle="--" if training else "-",
                linewidth=1.3 if training else 1.8,
            )
    axes.set(xlabel="epoch", ylabel="perplexity (log scale)", yscale="log")
    axes.set_title("Perplexity by epoch")
    plain_log(axes.yaxis)
    whole_steps(axes)
    handles = [Line2D([], [], **line(str(model), models)) for model in models]
    handles += [
        Line2D([], [], color=INK, linestyle="-", label="validation"),
        Line2D([], [], color=INK, linestyle="--", linewidth=1.3, label="training"),
    ]
    axes.legend(handles=handles, ncols=2)
    return drawn
