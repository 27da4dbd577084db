"""Write what a sweep of language models found as a page of docs, from the files it has left.

python docs/sweep_example.py classic "40 minutes on two cores" writes docs/classic_grid.md.
"""

import argparse
from pathlib import Path
from typing import get_args

import pandas as pd

from wordlab import figures
from wordlab.artifacts import read_json
from wordlab.figures import catalogue
from wordlab.params.base import SweepProfile
from wordlab.params.whole import PARAMS, load
from wordlab.report.sections import SECTIONS

PAGE = Path("docs/classic_grid.md")
TABLES = {
    "winners": "The best combinations on the test split",
    "best": "The best combinations",
    "importances": "Shares of the variance over the grid",
    "sensitivity": "Shares of the variance by fANOVA",
    "differences": "Differences between values, means over the other settings",
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("profile", choices=get_args(SweepProfile))
    parser.add_argument("took", help="how long it took, on what, in words")
    parser.add_argument("--reports", type=Path, default=Path("reports"), help="of that run")
    given = parser.parse_args()
    study = f"sweep_recurrent_{given.profile}"
    results = catalogue.Results(given.reports / "curves", given.reports / "tables", load(PARAMS))
    said = read_json(given.reports / "metrics" / f"{study}.json")["sentences"]
    parts = [
        f"# The sweep of language models, profile `{given.profile}`",
        f"What `sweep_recurrent.{given.profile}` in `params.yaml` found: {given.took}.",
        "```\ndvc exp run -S 'sweep_profiles=[" + given.profile + "]' "
        f"sweep_recurrent@{given.profile}\n```",
        "\n".join(f"- {sentence}" for sentence in said),
    ]
    section = next(one for one in SECTIONS if one.takes(study))
    folder = PAGE.with_suffix("")
    folder.mkdir(parents=True, exist_ok=True)
    own = catalogue.names(results, f"sweep_recurrent@{given.profile}")
    for name in section.order(own):
        figure = catalogue.draw(name, results)
        if figure is not None and name.endswith(given.profile):
            figures.save(figure, folder / f"{name}.png")
            caption = section.caption(name)
            parts.append(f"![{caption}]({folder.name}/{name}.png)\n\n{caption}")
    for name, title in TABLES.items():
        if results.has(study, name):
            table = results.table(study, name)
            parts.append(f"<details><summary>{title}</summary>\n\n{markdown(table)}\n\n</details>")
    PAGE.write_text("\n\n".join(parts) + "\n", encoding="utf-8")


def markdown(table: pd.DataFrame) -> str:
    """Return a table in Markdown, numbers to four digits."""
    lines = [[str(name) for name in table], ["---"] * table.shape[1]]
    for row in table.itertuples(index=False):
        lines.append([f"{cell:.4g}" if isinstance(cell, float) else str(cell) for cell in row])
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


if __name__ == "__main__":
    main()
