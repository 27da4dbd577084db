"""What the study of cells found."""

from collections.abc import Sequence

import pandas as pd

from wordlab import names
from wordlab.params.derived import reference
from wordlab.params.studies import CellStudyParams
from wordlab.report.findings.embeddings import OPEN, models_named
from wordlab.report.results import Answer, Results, answer, of_stage
from wordlab.report.tables import Table, between, fraction, number, percent, ranged


@answer("cells")
def _cells(results: Results) -> Answer:
    """Return which kinds of cells predict better than another with as many weights."""
    cells, tasks = (results.table("study_cells", name) for name in ("cells", "tasks"))
    return compared(cells, tasks)


def compared(cells: pd.DataFrame, tasks: pd.DataFrame) -> Answer:
    """Decided if the interval of a cell's perplexity, as a multiple of that of the cell that it is
    compared with, leaves out 1; of cells that have all their gates, if there are several.

    cells, tasks: those tables of the study of cells.
    """
    first = reference(cells["cell"].tolist())
    gated, others = _gated(cells), cells["cell"] != cells["compared"]
    whole = cells[others & ~gated]
    text = _verdict(whole, f"than the {names.model(first)} with as many weights")
    text += _verdict(cells[gated], "than the same cell with all its gates", "Of gates taken away: ")
    right = tasks.groupby(["cell", "task", "delay"], sort=False)["success"].mean()
    asked = list(dict.fromkeys((task, delay) for _, task, delay in right.index))
    rows = [
        [
            names.model(row["cell"]), number(row["hidden_size"]), number(row["multiply_adds"]),
            ranged(row["perplexity"], row["low"], row["high"], number),
            ranged(row["times"], row["times_low"], row["times_high"]),
            ranged(row["ratio"], row["ratio_low"], row["ratio_high"]),
            *(percent(float(right[row["cell"], *each])) for each in asked),
        ]
        for row in cells.to_dict("records")
    ]  # fmt: skip
    head = ["units per layer", "multiply-adds per word", "perplexity",
            f"times that of {names.model(first)}"
            + (", without a gate that of the whole cell" if gated.any() else ""),
            "ratio to Kneser-Ney",
            *(f"{task} over {delay} steps, right" for task, delay in asked)]  # fmt: skip
    asked_of = cells[gated] if whole.empty else whole
    decided = ((asked_of["times_high"] < 1) | (asked_of["times_low"] > 1)).any()
    return Answer(text.strip(), bool(decided), Table("With equally many weights", head, rows))


def _gated(cells: pd.DataFrame) -> "pd.Series[bool]":
    """Return which cells are without a gate, and so compared with the same cell with all."""
    kinds = cells["cell"].str.partition(" ")[0]
    return (kinds != cells["cell"]) & (kinds == cells["compared"])


def _verdict(cells: pd.DataFrame, than: str, start: str = "") -> str:
    """Return which of `cells` predict better, worse or neither, `than` what they are held to."""
    if cells.empty:
        return ""
    better, worse = cells[cells["times_high"] < 1], cells[cells["times_low"] > 1]
    unclear = cells.drop([*better.index, *worse.index])
    parts = [
        f"{models_named(part['cell'])} predict{'s' if len(part) == 1 else ''} {word} {than}."
        for part, word in ((better, "better"), (worse, "worse"))
        if len(part)
    ]
    if not parts:
        verdict = f"no cell is shown to predict better or worse {than}."
        return f" {start}{verdict}" if start else f"That is {OPEN}: {verdict}"
    if len(unclear):
        parts.append(f"{models_named(unclear['cell'])}: {OPEN}.")
    return f" {start}{' '.join(parts)}"


@of_stage("study_cells")
def _found(results: Results) -> list[str]:
    cells, contexts, tasks = (
        results.table("study_cells", name) for name in ("cells", "contexts", "tasks")
    )
    return [
        *measured(cells, results.params.cell_study),
        *_against_ngrams(cells),
        *_context(contexts),
        *_remembered(tasks),
    ]


def measured(cells: pd.DataFrame, params: CellStudyParams) -> list[str]:
    """Return what was compared; cells: that table of the study of cells."""
    low, high = cells["parameters"].min(), cells["parameters"].max()
    whole = ", or of a cell without a gate to the same with all," if _gated(cells).any() else ""
    return [
        f"Each network has {between(int(low), int(high), number)} weights, and each perplexity is "
        f"a mean over {params.seeds} trainings that differ in their seed alone.",
        "Intervals are over documents, sentences and trainings; those of ratios to the "
        f"{names.model(reference(cells['cell'].tolist()))}{whole} hold together, each of the "
        "others by itself.",
    ]


def _against_ngrams(cells: pd.DataFrame) -> list[str]:
    better = cells[cells["ratio_high"] < 1]["cell"]
    worse = cells[cells["ratio_low"] > 1]["cell"]
    return [
        f"{models_named(part)} predict{'s' if len(part) == 1 else ''} {word} than Kneser-Ney of "
        "the same text."
        for part, word in ((better, "better"), (worse, "worse"))
        if len(part)
    ]


def _context(contexts: pd.DataFrame) -> list[str]:
    """Return which cell gains most by words farther away than the longest context left to it."""
    known = contexts.dropna(subset="gain")
    if known.empty:
        return []
    farthest = known["context"].max()
    gains = known[known["context"] == farthest].groupby("cell", sort=False)["gain"].mean()
    best = str(gains.idxmax())
    if gains[best] <= 0:
        return [
            f"Words farther back than the last {farthest} lower the loss of no network on average "
            "over seeds."
        ]
    return [
        f"Words farther back than the last {farthest} lower the loss of the "
        f"{names.model(best)} most, by {fraction(gains[best])} nats per word on average "
        "over seeds."
    ]


def _remembered(tasks: pd.DataFrame) -> list[str]:
    """Return which cells learn each task with every seed, and which with none."""
    sentences = []
    for (task, delay), part in tasks.groupby(["task", "delay"], sort=False):
        success = part.groupby("cell", sort=False)["success"]
        least, most = success.min(), success.max()
        for cells, share in (
            (least[least > 0.9], "over nine answers in ten"),
            (most[most < 0.5], "less than half of the answers"),
        ):
            if len(cells):
                sentences.append(
                    f"{str(task).capitalize()} over {delay} steps: {names.listed(_named(cells))} "
                    f"get{'s' if len(cells) == 1 else ''} {share} right with every seed."
                )
    return sentences


def _named(found: pd.Series) -> Sequence[str]:
    return [names.model(str(cell)) for cell in found.index]
