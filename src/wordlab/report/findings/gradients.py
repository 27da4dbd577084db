"""Findings of the study of gradients, in sentences."""

import math
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pandas as pd

from wordlab import names
from wordlab.params.studies import GradientStudyParams, TruncationParams
from wordlab.report.findings.embeddings import OPEN, models_named
from wordlab.report.results import Answer, Results, Unmeasured, answer, of_stage
from wordlab.report.tables import Table, fraction, percent

STUDY = "study_gradients"
LEARNT = 0.9
"""A task is learnt where this share of the answers is right."""


@of_stage(STUDY)
def _study(results: Results) -> list[str]:
    params = results.params.gradient_study
    trainings, windows, learning = (
        results.table(STUDY, name) for name in ("trainings", "truncations", "tasks")
    )
    return [
        *reach(results.metrics[STUDY]["reach"], params),
        *clipping(trainings),
        *truncation(windows, params.truncation, params.confidence),
        *tasks(learning),
    ]


def reach(measured: Mapping[str, Any], params: GradientStudyParams) -> list[str]:
    """Return where each cell's gradient vanishes or explodes, and which reaches differ.

    measured: cell -> weights -> what `gradients.measures.reach` returns by length, and the spectral
    radius; None where there is no number.
    """
    longest = max(params.lengths)
    found = {cell: parts["trained"][f"length {longest}"] for cell, parts in measured.items()}
    count = next(iter(found.values()))["sequences"]
    sentences = [
        f"Gradients are followed back over {count} sequences of {longest} symbols each, none of "
        "which overlap.",
        f"A gradient has faded where its norm is below {100 * params.faded:.3g}% of that at the "
        f"loss; ranges are {100 * params.confidence:.3g}% intervals of the median.",
    ]
    for cell, steps in found.items():
        name = names.model(cell)
        sentences.append(f"{name}, trained: the gradient {_span(steps, longest)}.")
        if steps["greatest_ratio"] >= 1.05:
            sentences.append(
                f"{name}, trained: on the way back the gradient grows to "
                f"{steps['greatest_ratio']:.2g} times its norm at the loss."
            )
        radius = measured[cell]["trained"]["spectral_radius"]
        sentences.append(
            f"{name}, trained: the spectral radius of the recurrent Jacobian is "
            f"{_between(radius['median'], radius['low'], radius['high'], '.2f')}."
        )
        ends = [
            f"{_fades(part[f'length {longest}'], longest)} with {weights} weights"
            for weights, part in measured[cell].items()
            if weights != "trained"
        ]
        if ends:
            sentences.append(f"{name}, untrained: the gradient {', and it '.join(ends)}.")
    others = [cell for cell in found if cell != "rnn"] if "rnn" in found else []
    return sentences + [_compared(names.model(c), found[c], found["rnn"]) for c in others]


def _span(steps: Mapping[str, Any], longest: int) -> str:
    """Return after how many steps a gradient fades; one that never does counts as `longest`."""
    low, high = steps["low"], steps["high"]
    if low is None:
        return f"{_fades(steps, longest)}, a median over too few sequences for an interval"
    if low >= longest:
        return f"has not faded after {longest} steps"
    if high >= longest:
        return f"fades after {low:.0f} steps or more"
    return f"fades after {_between(steps['steps'], low, high, '.0f')} steps"


def _fades(found: Mapping[str, Any], longest: int) -> str:
    if found["steps"] >= longest:
        return f"has not faded after {longest} steps"
    return f"fades after {found['steps']:.0f} steps"


def _between(middle: float, low: float | None, high: float, form: str) -> str:
    if low is None:
        return format(middle, form)
    return " to ".join(dict.fromkeys([format(low, form), format(high, form)]))


def _compared(name: str, steps: Mapping[str, Any], rnn: Mapping[str, Any]) -> str:
    if None not in (steps["low"], rnn["low"]):
        if steps["low"] > rnn["high"]:
            return f"The {name}'s gradient reaches farther back than the RNN's."
        if steps["high"] < rnn["low"]:
            return f"The {name}'s gradient reaches less far back than the RNN's."
    return f"Whether the {name}'s gradient or the RNN's reaches farther back is not clear here."


def clipping(trainings: pd.DataFrame) -> list[str]:
    """Return how each training by plain gradient descent ends, and how often it was clipped."""
    classes = trainings["classes"].iloc[0]
    sentences = [
        "Plain gradient descent, one short training per setting: it diverges where it ends above "
        f"{math.log(classes):.1f} nats per token, the loss of a blind guess among {classes} "
        "classes."
    ]
    for (cell, start), part in trainings.groupby(["cell", "initialisation"], sort=False):
        ends = {
            row["clipping"]: "diverges"
            if row["diverged"]
            else f"ends at {row['valid_loss']:.2f} nats per token"
            for row in part.to_dict("records")
        }
        name = f"{names.model(str(cell))}, {start} weights"
        sentences.append(f"{name}: it {ends.pop('none')} without clipping.")
        clipped = ", and it ".join(f"{end} clipped {way}" for way, end in ends.items())
        sentences.append(f"{name}: it {clipped}.")
    clipped_trainings = trainings[trainings["clipping"] != "none"]
    for way, rates in clipped_trainings.groupby("clipping", sort=False)["clip_rate"]:
        shares = _between(math.nan, rates.min(), rates.max(), ".0%")
        sentences.append(f"Clipping {way} changes {shares} of the steps of a training.")
    return sentences


def truncation(table: pd.DataFrame, params: TruncationParams, confidence: float) -> list[str]:
    """Return what a window's length costs, and what its cut costs the gradient and the loss.

    table: as `gradients.study.truncations` makes it.
    """
    whole = table[table["length"] == table["length"].max()]
    longest, updates, streams, unigram = (
        whole[column].iloc[0] for column in ("length", "updates", "streams", "unigram")
    )
    sentences = [
        f"Windows of every length get {updates} updates of {params.window_tokens} tokens each.",
        "Shorter windows have more streams side by side, which may be what changes the loss; the "
        f"longest windows, of {longest} steps, have {streams}.",
        f"Losses are means over {params.seeds} seeds; a difference counts where its t interval "
        f"leaves out 0, all of which hold at once with {100 * confidence:.3g}% confidence "
        "(Bonferroni).",
        f"A unigram model of the same training text has a loss of {unigram:.2f} nats per token.",
    ]
    for cell, part in table.groupby("cell", sort=False):
        name, worst = names.model(str(cell)), part["valid_loss"].max()
        if worst < unigram:
            sentences.append(
                f"{name}: windows of every length end below the unigram model, at {worst:.2f} nats "
                "per token or less."
            )
        else:
            sentences.append(
                f"{name}: no verdict on the loss, because a mean of {worst:.2f} nats per token is "
                "no better than that of the unigram model."
            )
        for row in part[part["length"] < longest].to_dict("records"):
            sentences.append(
                f"{name}: the gradient of windows of {row['length']} steps has a cosine of "
                f"{row['agreement']:.2f} with that of the longest."
            )
            if worst < unigram:
                sentences.append(f"{name}: {_window_change(row)}")
        kept = part.loc[part["length"] == longest, "kept_mib"].iloc[0]
        sentences += [
            f"{name}: a window of {longest} steps keeps {kept:.1f} MiB for the backward pass.",
            f"{name}: a token takes {part['multiply_adds'].iloc[0]:,} multiply-adds in the layers, "
            "whatever the length.",
            *(
                f"{name}: with windows of {row['length']} steps a training takes "
                f"{row['steps_in_a_row']:,} steps one after another."
                for row in part.to_dict("records")
            ),
        ]
    return [
        *sentences,
        "Seconds per token are in MLflow, as those of no two machines are the same: "
        "seconds_per_token of the runs below study_gradients.",
    ]


def _window_change(row: Mapping[Any, Any]) -> str:
    """Return by how much the loss of windows of one length differs from that of the longest."""
    windows = f"windows of {row['length']} steps ({row['streams']} streams)"
    low, high = row["change_low"], row["change_high"]
    if low > 0 or high < 0:
        direction = "higher" if low > 0 else "lower"
        return (
            f"{windows} end {abs(row['change']):.3f} nats per token {direction} than the longest."
        )
    return (
        f"no clear difference in loss between {windows} and the longest; the interval runs from "
        f"{low:+.3f} to {high:+.3f} nats per token."
    )


def tasks(table: pd.DataFrame) -> list[str]:
    """Return which cells learn each task over each delay."""
    sentences = [
        f"A task is learnt where {LEARNT:.0%} of the answers to new sequences are right; each "
        "setting is trained once."
    ]
    for task, whole in table.groupby("task", sort=False):
        name, chance = str(task).capitalize(), whole["baseline"].iloc[0]
        sentences.append(f"{name}: {chance:.0%} of the answers are right by chance.")
        for delay, part in whole.groupby("delay"):
            learnt = part["success"] >= LEARNT
            sentences.append(
                f"{name} over {delay} steps is learnt by {_settings(part[learnt]) or 'none'}."
            )
            if not learnt.all():
                best = part.loc[~learnt, "success"].max()
                sentences.append(
                    f"{name} over {delay} steps is not learnt by {_settings(part[~learnt])}: at "
                    f"most {best:.0%} of the answers are right."
                )
    return sentences


def _settings(rows: pd.DataFrame) -> str:
    """Return cells with the weights they started from: LSTM (uniform, orthogonal) and GRU."""
    return names.listed(
        f"{names.model(str(cell))} ({', '.join(part['initialisation'])})"
        for cell, part in rows.groupby("cell", sort=False)
    )


@answer("gradients")
def _reaches(results: Results) -> Answer:
    """Return how far back gradients and learning reach."""
    params = results.params.gradient_study
    tasks, trainings, windows = (
        results.table(STUDY, name) for name in ("tasks", "trainings", "truncations")
    )
    measured = results.metrics.get(STUDY, {}).get("reach", {})
    found = reaches(measured, max(params.lengths), tasks, trainings)
    rates = {cell: getattr(params.training, cell).rate for cell in trainings["cell"].unique()}
    return replace(found, more=[*steadied(trainings), *uneven(rates), *truncated(windows)])


def uneven(rates: Mapping[str, float]) -> list[str]:
    """Return what unequal `rates` of plain gradient descent, by cell, leave open."""
    if len(set(rates.values())) < 2:
        return []
    named = names.listed(f"{names.model(cell)} {rate:g}" for cell, rate in rates.items())
    return [f"Rates of plain gradient descent differ ({named}), so this does not "
            "compare the cells."]  # fmt: skip


def steadied(trainings: pd.DataFrame) -> list[str]:
    """Return what clipping changes: which trainings diverge without it, and with it, by cell and
    by the weights they start from.

    trainings: that table of the study.
    """
    clipped = trainings["clipping"] != "none"
    if clipped.all() or not clipped.any():
        return []
    free, held = (
        trainings[rows].groupby(["cell", "initialisation"], sort=False)["diverged"].any()
        for rows in (~clipped, clipped)
    )
    starts = free.index.to_frame(index=False)
    chosen = (free & ~held, free & held, ~free & held)
    groups = [_settings(starts[rows.to_numpy()]) for rows in chosen]
    if not any(groups):
        return ["Plain gradient descent never diverges here, clipped or not."]
    parts = [
        f"{how} for {settings}"
        for settings, how in zip(
            groups,
            ("only without clipping", "even when clipped", "only when clipped"),
            strict=True,
        )
        if settings
    ]
    return [f"Plain gradient descent diverges {'; '.join(parts)}."]


def truncated(table: pd.DataFrame) -> list[str]:
    """Return what the shortest window changes beside the longest: loss, gradient, memory.

    table: as `truncation` takes it.
    """
    short, long = table["length"].min(), table["length"].max()
    own = table[table["length"] == short]
    if short == long or own.empty:
        return []
    learn = table.groupby("cell")["valid_loss"].max() < table.groupby("cell")["unigram"].first()
    known = own[own["cell"].map(learn)]
    lower, higher = known["change_high"] < 0, known["change_low"] > 0
    parts = [
        f"{direction} for {models_named(map(str, known.loc[rows, 'cell']))}"
        for direction, rows in (("lower", lower), ("higher", higher))
        if rows.any()
    ]
    end = f"the loss is {' and '.join(parts)}" if parts else f"whether the loss changes is {OPEN}"
    memory = table.groupby("length")["kept_mib"].max()
    return [
        f"With BPTT cut to {short} steps in place of {long}, at as many updates, {end}; but more "
        "streams are then read side by side.",
        f"That cut leaves the gradient a cosine of {fraction(own['agreement'].min())} or more with "
        "that of the longest window.",
        f"For the backward pass it keeps at most {memory[short]:.1f} MiB in place of "
        f"{memory[long]:.1f}.",
    ]


def reaches(
    measured: Mapping[str, Any], longest: int, tasks: pd.DataFrame, trainings: pd.DataFrame
) -> Answer:
    """Decided if the intervals of the farthest reach lie above that of the nearest.

    measured: as `findings.gradients.reach` takes it; longest: the length followed back; tasks,
    trainings: those tables of the study.
    """
    steps = {cell: parts["trained"][f"length {longest}"] for cell, parts in measured.items()}
    if not steps:
        raise Unmeasured("no gradient was followed back")
    most = max(found["steps"] for found in steps.values())
    far = [cell for cell, found in steps.items() if found["steps"] == most]
    near = min(steps, key=lambda cell: steps[cell]["steps"])
    lows, high = [steps[cell]["low"] for cell in far], steps[near]["high"]
    decided = None not in (*lows, high) and min(lows) > high
    lead = (
        f"The {names.model(far[0])}'s gradient reaches farthest: it"
        if len(far) == 1
        else f"The gradients of {models_named(far)} reach farthest: each"
    )
    faded = _fades(steps[far[0]], longest)
    if len(far) > 1 and most >= longest:
        lead, faded = lead.removesuffix(" each"), f"no median has faded after {longest} steps"
    text = (
        f"{lead} {faded}, while the {names.model(near)}'s "
        f"{_fades(steps[near], longest)}{'' if decided else f'; but the order is {OPEN}'}."
    )
    if near in far:
        which = f"No gradient fades within {longest} steps"
        if most < longest:
            which = f"The gradient {_fades(steps[near], longest)} in {models_named(far)}"
        text = f"{which}; which reaches farther is {OPEN}."
    task, delay = tasks["task"].iloc[0], tasks["delay"].max()
    last = tasks[(tasks["task"] == task) & (tasks["delay"] == delay)]
    right = last.groupby("cell", sort=False)["success"].max()
    learnt = right[right >= LEARNT]
    able = models_named(map(str, learnt.index))
    who = ("No network learns", f"Only the {able} learns", f"{able} learn")[min(len(learnt), 2)]
    shares = names.listed(f"{names.model(cell)} {percent(share)}" for cell, share in right.items())
    text += f" {who} the task of {task} over {delay} steps; right answers: {shares}."
    clipped = trainings["clipping"] != "none"
    ends = [_ends(trainings[rows]) for rows in (~clipped, clipped)]
    rows = [
        [
            names.model(cell), _range(found, longest),
            percent(right[cell]) if cell in right else "–",
            *(way.get(cell, "–") for way in ends),
        ]
        for cell, found in steps.items()
    ]  # fmt: skip
    head = ["gradient fades after, steps", f"{task} over {delay} steps, right",
            "without clipping", "clipped"]  # fmt: skip
    return Answer(text, decided, Table("Cells", head, rows))


def _ends(trainings: pd.DataFrame) -> dict[str, str]:
    """Return how the trainings of each cell end, with the starts that diverge where not all do."""
    found = {}
    for cell, own in trainings.groupby("cell", sort=False):
        diverged = own.groupby("initialisation", sort=False)["diverged"].any()
        starts = ", ".join(map(str, diverged.index[diverged]))
        found[str(cell)] = (
            "does not diverge"
            if not starts
            else "diverges"
            if diverged.all()
            else f"diverges ({starts})"
        )
    return found


def _range(found: Mapping[str, Any], longest: int) -> str:
    least = found["steps"] if found["low"] is None else found["low"]
    if least >= longest:
        return f"more than {longest}"
    if found["low"] is None:
        return f"{least:.0f}"
    if found["high"] >= longest:
        return f"{least:.0f} or more"
    return f"between {found['low']:.0f} and {found['high']:.0f}"
