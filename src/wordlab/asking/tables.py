"""The tables that `wordlab predict`, `score`, `neighbours` and `nearer` print."""

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from wordlab.asking.pairs import CHANCE
from wordlab.asking.prediction import Prediction
from wordlab.evaluation.stability import Nearer
from wordlab.report.tables import aligned, fraction, ranged, ranks

if TYPE_CHECKING:
    import pandas as pd


def predicted(found: Prediction) -> str:
    """Return the likeliest symbols with their probabilities, and what is left for all others."""
    rows = [
        (
            repr(one.text) if one.kind == "character" else one.text or f"({one.kind})",
            one.probability,
        )
        for one in found.likeliest
    ]
    rows.append(("(all others)", found.rest))
    return "\n".join(f"{100 * p:7.3f} %  {text}" for text, p in rows)


def steady(found: "pd.DataFrame", confidence: float) -> str:
    """Return the neighbours of a word with what draws say of each.

    found: as `words.neighbours_over_draws` has them.
    """
    width = max(map(len, found["neighbour"]), default=0)
    rows = [("cosine", "word".ljust(width), "in draws", "ranks in other texts")]
    rows += [
        (f"{row['cosine']:6.3f}", row["neighbour"].ljust(width),
         f"{row['times']} of {row['draws']}", ranks(row["low"], row["high"]))
        for row in found.to_dict("records")
    ]  # fmt: skip
    unknown = "; –: too few documents have the words" if found["high"].isna().any() else ""
    return (
        f"{aligned(rows)}\n\nIn draws: among the {len(found)} nearest in so many draws of the "
        f"documents.\nRanks: those in {100 * confidence:g} % of other texts of the kind{unknown}."
    )


def nearer(word: str, others: tuple[str, str], found: Nearer, confidence: float) -> str:
    """Return which of two words is nearer to `word`, as `words.nearer` has found it."""
    width, level = max(map(len, others)), f"{100 * confidence:g} %"
    lines = [
        f"{cosine:6.3f}  {other.ljust(width)}".rstrip()
        for cosine, other in zip(found.cosines, others, strict=True)
    ]
    lines += [
        "",
        f"{others[0]} is nearer in {found.times} of {found.draws} draws of the documents.",
    ]
    if math.isfinite(found.low):
        lines.append(
            f"Its cosine less the other's is {fraction(found.difference)}; in {level} of other "
            f"texts of the kind it is {fraction(found.low)} to {fraction(found.high)}."
        )
    else:
        lines.append("Of other texts they say nothing: too few documents have these words.")
    if found.verdict is None:
        return "\n".join([*lines, f"not decided at {level}"])
    return "\n".join([*lines, f"{others[found.verdict]} is nearer to {word}, at {level}"])


def scored(
    found: Mapping[str, Mapping[str, Any]],
    compared: Sequence[Mapping[str, Any]],
    confidence: float,
) -> str:
    """Return the shares of pairs judged right of each model, then the models compared.

    found: by model, as `pairs.scores` has them; compared: as `pairs.compare` has them.
    """
    blocks = []
    for model, scores in found.items():
        rows = [(model, "pairs", "right", "ties", "unknown word", "known", "right", "ties")]
        for name, row in (*scores["phenomena"].items(), ("all", scores["all"])):
            known = row["known"]
            rows.append(
                (name, f"{row['pairs']:,}", _right(row), f"{row['ties']:,}", f"{row['unknown']:,}",
                 f"{known['pairs']:,}", _right(known), f"{known['ties']:,}")
            )  # fmt: skip
        blocks.append(aligned(rows))
    if compared:
        lines = [("difference in all pairs", "right", "p", "only the first", "only the second")]
        lines += [
            (f"{one['first']} less {one['second']}", _difference(one), _chance(one["p"]),
             f"{one['only_first']:,}", f"{one['only_second']:,}")
            for one in compared
        ]  # fmt: skip
        blocks.append(aligned(lines))
    blocks.append(
        f"Chance is {fraction(CHANCE)}; a tie counts half. Intervals are {100 * confidence:g} %. "
        "Known: the words in which\nthe two sentences differ are known; an unknown word may be "
        "anywhere in either."
    )
    return "\n\n".join(blocks)


def _right(row: Mapping[str, Any]) -> str:
    return ranged(row["right"], row["low"], row["high"]).replace("\N{NO-BREAK SPACE}", " ")


def _difference(one: Mapping[str, Any]) -> str:
    value, low, high = (f"{one[key]:+.2f}".replace("0.", ".", 1) for key in ENDS)
    return value if math.isnan(one["low"]) else f"{value} ({low} to {high})"


def _chance(p: float) -> str:
    return "too few pairs" if math.isnan(p) else f"{p:.3f}"


ENDS = ("difference", "low", "high")
