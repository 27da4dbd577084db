"""What draws of the documents found: which neighbours and scores other texts would give too."""

import pandas as pd

from wordlab import names
from wordlab.report.findings.embeddings import written
from wordlab.report.results import Answer, Results, Unmeasured, answer, of_stage
from wordlab.report.tables import Table, percent, ranks


@answer("stability")
def _steady(results: Results) -> Answer:
    """Return how many of the nearest words stay near."""
    if not results.has("study_neighbours", "neighbours"):  # a pass of before there were draws
        raise Unmeasured("nothing was drawn")
    neighbours, scores = (
        results.table("study_neighbours", name) for name in ("neighbours", "scores")
    )
    asked = results.params.draws
    return steady(neighbours, scores, asked.neighbours, asked.confidence)


def steady(neighbours: pd.DataFrame, scores: pd.DataFrame, n: int, confidence: float) -> Answer:
    """Decided where documents enough have the words to say anything of other texts.

    neighbours, scores: those tables of `study_neighbours`; n: how many are neighbours.
    """
    near = neighbours[neighbours["rank"] <= n]
    if near.empty:
        raise Unmeasured("no word has neighbours")
    known = near[near["high"].notna()]
    decided = not known.empty
    staying = [
        f"{int((own['high'] <= n).sum())} of {len(own)} with {names.model(str(model))}"
        for model, own in known.groupby("model", sort=False)
    ]
    text = (
        f"{len(known)} of the {len(near)} neighbours looked up occur in enough documents to judge. "
        f"Of these, {names.listed(staying)} would still be among the {n} nearest in "
        f"{percent(confidence)} of similar texts."
        if decided
        else "There are too few documents to say what another text would give."
    )
    return Answer(
        text,
        decided,
        _scores(scores, confidence),
        examples=[_table(str(word), own) for word, own in near.groupby("word", sort=False)],
    )


def _scores(scores: pd.DataFrame, confidence: float) -> Table:
    """Return the score of each model at each task, with its two intervals, of different kinds."""
    rows = []
    for row in scores[scores["score"].notna()].to_dict("records"):
        task = str(row["task"])
        write = written(task)
        ends = [(row[f"{of}_low"], row[f"{of}_high"]) for of in ("items", "documents")]
        cells = [f"{write(low)} to {write(high)}" if low == low else "–" for low, high in ends]
        rows.append(
            [f"{names.model(row['model'])}, {names.task(task)}", write(row["score"]), *cells]
        )
    sure = percent(confidence)
    head = ["score", f"{sure} interval over items", f"{sure} prediction for other texts"]
    return Table("Scores and where they may fall", head, rows)


def _table(word: str, near: pd.DataFrame) -> Table:
    """Return the neighbours of a word, those of each model side by side."""
    groups = list(near.groupby("model", sort=False))
    head = [
        title
        for model, _ in groups
        for title in (names.model(str(model)), "in draws", "ranks in other texts")
    ]
    cells = {
        (row["model"], row["rank"]): [
            str(row["neighbour"]),
            f"{row['times']} of {row['draws']}",
            ranks(row["low"], row["high"]),
        ]
        for row in near.to_dict("records")
    }  # fmt: skip
    rows = [
        [
            str(rank),
            *(cell for model, _ in groups for cell in cells.get((model, rank), 3 * [""])),
        ]
        for rank in sorted(near["rank"].unique())
    ]
    return Table(f"Nearest to {word}", head, rows)


@of_stage("study_neighbours")
def _found(results: Results) -> list[str]:
    stability, asked = results.table("study_neighbours", "stability"), results.params.draws
    return found(stability, asked.neighbours, asked.count)


def found(stability: pd.DataFrame, n: int, count: int) -> list[str]:
    """Return what draws keep, by model, the steadiest and the least steady words, and what the
    shares are of; stability: that table of `study_neighbours`."""
    sentences = [
        f"Each of {count} draws takes as many documents from the text, some twice and a third not "
        "at all, and another seed; so it keeps more of the neighbours than another text would."
    ]
    for model, own in stability.groupby("model", sort=False):
        known = own.dropna(subset="stability")
        if known.empty:
            continue
        kept = percent(float(known["stability"].mean()))
        sentences.append(
            f"{names.model(str(model))}: a draw keeps {kept} of the {n} nearest, on average over "
            f"the {len(known)} commonest words."
        )
        ordered = known.sort_values("stability", kind="stable")["word"].astype(str).tolist()
        sentences.append(
            f"{names.model(str(model))}: the steadiest neighbours are those of "
            f"{names.listed(ordered[:-4:-1])}, the least steady those of "
            f"{names.listed(ordered[:3])}."
        )
    return sentences
