"""What the study of autoencoders found."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pandas as pd

from wordlab import names
from wordlab.report.findings.embeddings import OPEN, models_named, most
from wordlab.report.results import (
    Answer,
    Results,
    Unmeasured,
    answer,
    of_stage,
)
from wordlab.report.tables import Table, number, percent


@of_stage("study_autoencoder")
def _autoencoder(results: Results) -> list[str]:
    rates, codes = (results.table("study_autoencoder", name) for name in ("rates", "baselines"))
    unit = results.params.autoencoder.unit
    return [
        *(
            sentence
            for cell, part in rates.groupby("cell", sort=False)
            for sentence in brought_back(names.model(str(cell)), part, unit)
        ),
        *costs(rates, dict(zip(codes["code"], codes["total"], strict=True))),
    ]


def brought_back(name: str, rates: pd.DataFrame, unit: str) -> list[str]:
    """Return what comes back of held-out sequences by the size and the precision of the vector.

    rates: that table of the study of autoencoders, of one cell; unit: characters or words.
    """
    trained = rates[rates["precision"] == "float32"]
    largest = rates[rates["latent_size"] == rates["latent_size"].max()]
    kept = ", ".join(
        f"{_rough(row['token_accuracy'])} at {row['precision']}"
        for row in largest.to_dict("records")
    )
    return [
        *(
            f"{name}: through {row['latent_size']} numbers {_rough(row['token_accuracy'])} of the "
            f"{unit} and {_rough(row['exact_match'])} of the held-out sequences come back right."
            for row in trained.to_dict("records")
        ),
        f"{name}, {largest['latent_size'].iloc[0]} numbers: the share of {unit} right is {kept}.",
    ]


def costs(rates: pd.DataFrame, codes: Mapping[str, float]) -> list[str]:
    """Return what a whole sequence costs; codes: bits per character by other codes."""
    best, lowest = (
        rates.nsmallest(1, [column, "rate"]).to_dict("records")[0]
        for column in ("total", "correction")
    )
    dearer, cheaper = (
        [f"{code} ({bits:.2f})" for code, bits in codes.items() if (bits >= best["total"]) == more]
        for more in (True, False)
    )
    verdicts = [
        f"{word} {names.listed(others)}"
        for word, others in (("less than", dearer), ("more than", cheaper))
        if others
    ]
    return [
        f"A sequence sent whole costs least with {_vector(best)}: {best['rate']:.2f} bits per "
        f"character for the vector and {best['correction']:.2f} to correct its errors.",
        f"That is {best['total']:.2f} together, {', and '.join(verdicts)}.",
        f"The vector that leaves least to correct, {_vector(lowest)}, leaves "
        f"{lowest['correction']:.2f} bits per character and costs {lowest['rate']:.2f} itself.",
    ]


def _vector(row: Mapping[Any, Any]) -> str:
    return f"{names.model(row['cell'])} and {row['latent_size']} numbers at {row['precision']}"


def _rough(share: float) -> str:
    return f"{share:.0%}" if 0.01 <= share <= 0.99 else f"{share:.1%}"


@answer("autoencoders")
def _fits(results: Results) -> Answer:
    """Return how much text fits into one vector, and what comes back of some."""
    rates, codes, examples = (
        results.table("study_autoencoder", name) for name in ("rates", "baselines", "examples")
    )
    params = results.params.autoencoder
    found = fits(rates, codes, f"{params.max_length} {params.unit}")
    return replace(found, examples=[restored(examples)])


def restored(examples: pd.DataFrame) -> Table:
    """Return what came back of some sequences through the largest vectors.

    examples: that table of the study of autoencoders.
    """
    size = examples["latent_size"].max()
    largest = examples[examples["latent_size"] == size].fillna("").astype(str)
    cells = list(largest["cell"].unique())
    table = largest.groupby(["original", "cell"], sort=False)["restored"].first().unstack()
    rows = [[first, *again] for first, *again in table[cells].itertuples()]
    title = f"Unseen sequences, and what comes back of each through {size} numbers"
    return Table(title, [names.model(cell) for cell in cells], rows)


def fits(rates: pd.DataFrame, codes: pd.DataFrame, length: str) -> Answer:
    """Decided if the interval of the best network's exact share lies above those of all others
    with as large a vector.

    rates, codes: the tables of the study of autoencoders; length: that of the longest sequences.
    """
    trained = rates[(rates["precision"] == "float32") & rates["exact_match"].notna()]
    if trained.empty:
        raise Unmeasured("no autoencoder was tested")
    best = most(trained, "exact_match")
    others = trained[(trained["cell"] != best["cell"])
                     & (trained["latent_size"] == best["latent_size"])]  # fmt: skip
    unclear = others[~(others["exact_match_high"] < best["exact_match_low"])]
    lead = ", more than any other cell through as many" if len(others) else ""
    if len(unclear):
        rivals = models_named(unclear["cell"], "or")
        lead = f"; whether it is ahead of {rivals} through as many is {OPEN}"
    least = rates.groupby(["cell", "latent_size"])["total"].min()
    rows = [
        [
            f"{names.model(row['cell'])}, {row['latent_size']} numbers",
            percent(row["exact_match"]), percent(row["token_accuracy"]),
            number(least[row["cell"], row["latent_size"]]),
        ]
        for row in trained.to_dict("records")
    ]  # fmt: skip
    head = ["sequences exact", "symbols right", "fewest bits per character, corrected"]
    table = Table("By cell and size of the vector", head, rows)
    cheapest, code = (most(found, "total", sign=-1) for found in (rates, codes))
    if not best["exact_match"]:
        text = f"{OPEN.capitalize()}: no unseen sequence of up to {length} comes back exactly."
        return Answer(text, False, table)
    text = (
        f"Through {best['latent_size']} numbers the {names.model(best['cell'])} brings "
        f"{percent(best['exact_match'])} of unseen sequences of up to {length} back exactly{lead}; "
        "each network is trained once. "
        f"Sent whole, errors corrected, a sequence costs least through {_vector(cheapest)}: "
        f"{number(cheapest['total'])} bits per character. The cheapest code without a vector "
        f"({code['code']}) takes {number(code['total'])}."
    )
    return Answer(text, not len(unclear), table)
