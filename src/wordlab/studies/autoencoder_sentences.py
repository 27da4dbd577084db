"""What the study of autoencoders says, written from its numbers."""

from collections.abc import Mapping

import pandas as pd


def write(rates: pd.DataFrame, codes: Mapping[str, float], unit: str) -> list[str]:
    """Say what comes back by size and by precision, and what a whole sentence costs.

    rates: as `AutoencoderStudy` has them; codes: bits a character by other codes; unit: characters
    or words.
    """
    said = [
        sentence
        for cell, part in rates.groupby("cell", sort=False)
        for sentence in _of_cell(str(cell).upper(), part, unit)
    ]
    return [*said, *_costs(rates, codes)]


def _of_cell(cell: str, rows: pd.DataFrame, unit: str) -> list[str]:
    trained = rows[rows["precision"] == "float32"]
    sizes = "; ".join(
        f"{_percent(row['token_accuracy'])} of the {unit} and {_percent(row['exact_match'])} of "
        f"the sentences through {row['latent_size']} numbers (BLEU {row['bleu']:.2f})"
        for row in trained.to_dict("records")
    )
    largest = rows[rows["latent_size"] == rows["latent_size"].max()].set_index("precision")
    kept = ", ".join(
        f"{name} {_percent(accuracy)}" for name, accuracy in largest["token_accuracy"].items()
    )
    return [
        f"{cell}: of held-out sentences there come back right {sizes}.",
        f"{cell}: with {largest['latent_size'].iloc[0]} numbers, the {unit} right by precision: "
        f"{kept}.",
    ]


def _costs(rates: pd.DataFrame, codes: Mapping[str, float]) -> list[str]:
    best = rates.nsmallest(1, "total").to_dict("records")[0]
    others = ", ".join(f"{name} {bits:.2f}" for name, bits in codes.items())
    cheaper = [name for name, bits in codes.items() if bits < best["total"]]
    dearer = [name for name, bits in codes.items() if bits >= best["total"]]
    verdict = []
    if dearer:
        verdict.append(f"less than {_listed(dearer)}")
    if cheaper:
        verdict.append(f"more than {_listed(cheaper)}")
    lower = rates.nsmallest(1, "correction").to_dict("records")[0]
    return [
        f"A sentence sent whole costs least with {str(best['cell']).upper()} and "
        f"{best['latent_size']} numbers at {best['precision']}: {best['rate']:.2f} bits a "
        f"character for the vector and {best['correction']:.2f} to correct its errors, "
        f"{best['total']:.2f} together. Other codes: {others}.",
        f"That is {', and '.join(verdict)}.",
        f"The vector that leaves least to correct ({str(lower['cell']).upper()}, "
        f"{lower['latent_size']} numbers at {lower['precision']}) leaves "
        f"{lower['correction']:.2f} bits a character and costs {lower['rate']:.2f} itself.",
    ]


def _listed(names: list[str]) -> str:
    return " and ".join(filter(None, [", ".join(names[:-1]), names[-1]]))


def _percent(share: float) -> str:
    return f"{share:.0%}" if 0.01 <= share <= 0.99 else f"{share:.1%}"
