"""The results of a pass as tables in docs/results/NAME, and the pages made from these.

A run is a folder docs/results/NAME: tables and figures as a pass wrote them to reports/, and
run.json with what no output of the pipeline holds: the machine, the minutes, the revision, and the
params, since those of today may be others.
"""

import math
import os
import platform
import re
import shutil
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from wordlab import paths
from wordlab.artifacts import read_json, read_table, replacing, write_json
from wordlab.errors import UserError, masked
from wordlab.params.embeddings import NONE
from wordlab.params.scales import SCALES
from wordlab.params.sets import catalogue
from wordlab.params.whole import PARAMS, load, read
from wordlab.pipeline import plan, store
from wordlab.pipeline.pages import FACTS, TEMPLATE, Run, answered, page
from wordlab.report import scored
from wordlab.report.page import SECTIONS

DOCS = Path("docs")
CODE = ("src", "stages", "dvc.yaml")
KEPT = (
    "curves/word2vec_{cbow,skipgram}.csv",
    "metrics/{embeddings,language_models,ppmi,preprocess,study_gradients,vocabulary}.json",
    "scores/{embeddings,language_models}.csv",
    "tables/embeddings/{contrasts,differences,frequency,scores,sections}.csv",
    "tables/study_autoencoder/{baselines,examples,lengths,rates}.csv",
    "tables/study_cells/{cells,contexts,tasks}.csv",
    "tables/study_gradients/{tasks,trainings,truncations}.csv",
    "tables/study_neighbours/{neighbours,scores,stability}.csv",
    "tables/study_regularisation/{methods,pairs}.csv",
    "tables/study_sizes/{growth,scores}.csv",
    "tables/study_windows/"
    "{associations,differences,neighbours,overlap,scores,sections,summary}.csv",
    "tables/sweep_{word2vec,glove,ppmi,recurrent}/{trials,winners,yardsticks}.csv",
    "tables/analysis_{word2vec,glove,ppmi,recurrent}/"
    "{beaten,best,differences,drawn_texts,importances,truncation}.csv",
)
"""What is taken of reports/, where the pass wrote it."""


def runs(docs: Path = DOCS) -> dict[str, Run]:
    """Return the runs that are committed, by name."""
    found = sorted(path.parent.name for path in (docs / "results").glob(f"*/{FACTS}"))
    return {name: Run(name, docs) for name in found}


def take(name: str, docs: Path = DOCS, reports: Path = Path("reports")) -> None:
    """Take over the results in `reports` as those of the scale `name`.

    Raises UserError if there is no such scale, params.yaml has other settings, code is not
    committed, or a stage is not up to date.
    """
    scale = SCALES / f"{name}.yaml"
    if not scale.is_file():
        raise UserError(f"{name}: no such scale; expected a file in {SCALES}/")
    if load(PARAMS) != load(PARAMS, scale):
        raise UserError(
            f"{PARAMS}: not the settings of {scale}; expected those of "
            f"`dvc exp run -n {name} $(wordlab scale {name})`, which leaves them there"
        )
    changed = _git("status", "--porcelain", *CODE)
    if changed:
        raise UserError(f"{changed.split()[1]}: not as committed, and results state their revision")
    ahead = plan.planned((), ())
    if ahead:
        raise UserError(
            f"{ahead[0].stage}: not up to date; `dvc repro` before its results are kept"
        )
    facts = _facts(name)
    with replacing(Run(name, docs).folder) as folder:
        for pattern in KEPT:
            for path in sorted(spread(pattern)):
                if (reports / path).exists():
                    (folder / path).parent.mkdir(parents=True, exist_ok=True)
                    shutil.copyfile(reports / path, folder / path)
        (folder / "figures").mkdir(parents=True)
        for figure in sorted(_figures(docs)):
            drawn = reports / "figures" / f"{figure}.png"
            if drawn.exists():
                shutil.copyfile(drawn, folder / "figures" / drawn.name)
        write_json(folder / FACTS, facts)


def spread(pattern: str) -> Iterator[str]:
    """Yield the paths that a pattern with {one,other} stands for."""
    before, brace, rest = pattern.partition("{")
    if not brace:
        yield pattern
        return
    inner, _, after = rest.partition("}")
    for one in inner.split(","):
        yield from spread(before + one + after)


def _figures(docs: Path) -> set[str]:
    """Return the figures that pages show of a run: of the answers, and of its own page."""
    template = (docs / TEMPLATE).read_text(encoding="utf-8")
    own = {section.figure for section in SECTIONS if section.figure}
    return own | set(re.findall(r'figure\("(\w+)"', template))


def _facts(name: str) -> dict[str, Any]:
    """Return what is known of the pass in this checkout beside its outputs."""
    text, params = read_json(Path("data/raw/provenance.json")), _given(read(PARAMS))
    command = f"dvc exp run -n {name} $(wordlab scale {name}){_arguments(params['corpus'])}"
    database = paths.tracking_database()
    goes = plan.goes(database)
    stages = {stage: round(sum(b - a for a, b in of)) for stage, of in goes.items()}
    return {
        "command": command,
        "revision": _git("rev-parse", "--short=12", "HEAD"),
        "machine": processor(),
        "cores": os.cpu_count(),
        "minutes": round(covered([go for of in goes.values() for go in of]) / 60),
        "text": {key: text[key] for key in ("origin", "licence", "sha256", "documents")},
        "seconds": dict(sorted(stages.items(), key=lambda one: -one[1])),
        "cell_seconds": _cell_seconds(
            store.trials(database, "study_cells"),
            Path("reports/tables/study_cells/trainings.csv"),
        ),
        "params": params,
    }


def _cell_seconds(trials: Sequence[Mapping[str, Any]], made: Path) -> dict[str, float]:
    """Return what training a language model on each kind of cell took, at least, over seeds.

    made: the table of the trainings; nothing is returned unless the trials are of these.
    """
    took: dict[str, list[float]] = {}
    losses = []
    for trial in trials:
        if "task" not in trial:
            took.setdefault(trial["cell"], []).append(trial["seconds"])
            losses.append(trial["test_loss"])
    known = read_table(made)["test_loss"].to_numpy() if made.exists() else np.empty(0)
    if len(known) != len(losses) or not np.allclose(known, losses, rtol=1e-4):
        return {}
    return {cell: round(min(of), 1) for cell, of in took.items()}


def _given(params: Any) -> Any:
    """Return params with FILE for each path of this machine, and without secrets."""
    corpus = params["corpus"]
    hidden: dict[str, Any] = {"path": corpus["path"] and "FILE"}
    if corpus.get("url"):
        hidden["url"] = masked(corpus["url"])
    for name in ("watch", "splits"):
        if isinstance(corpus.get(name), dict):
            hidden[name] = dict.fromkeys(corpus[name], "FILE")
    evaluation, comparison = params["evaluation"], params["comparison"]
    sets = evaluation["similarity"]
    if not isinstance(sets, str):
        sets = [_given_set(item) for item in sets]
    analogies, relations = _given_set(evaluation["analogies"]), _given_set(comparison["relations"])
    return {
        **params,
        "corpus": {**corpus, **hidden},
        "evaluation": {**evaluation, "similarity": sets, "analogies": analogies},
        "comparison": {**comparison, "relations": relations},
    }


def _given_set(item: Any) -> Any:
    """Return what names an evaluation set with FILE for a path, and without secrets."""
    if not isinstance(item, Mapping):
        return item
    found = dict(item)
    if found.get("path") and found["path"] not in {*catalogue(), "by_language", NONE}:
        found["path"] = "FILE"
    if found.get("url"):
        found["url"] = masked(found["url"])
    return found


def _arguments(corpus: Mapping[str, Any]) -> str:
    """Return what gives the text to `dvc exp run`, with a space before it."""
    if corpus["source"] == "sample":
        return ""
    keys = ("source", "path", "url", "sha256")
    given = "".join(f" -S corpus.{key}={corpus[key]}" for key in keys if corpus.get(key))
    splits = corpus.get("splits")
    if isinstance(splits, dict):
        files = ",".join(f"{split}:{file}" for split, file in splits.items())
        return f"{given} -S '++corpus.splits={{{files}}}'"
    return f"{given} -S corpus.splits={splits}" if splits else given


def covered(spans: list[tuple[float, float]]) -> float:
    """Return how long at least one of the spans lasts, in their unit."""
    total, until = 0.0, -math.inf
    for start, end in sorted(spans):
        total += max(0.0, end - max(start, until))
        until = max(until, end)
    return total


def _git(*arguments: str) -> str:
    """Return what git prints. Raises UserError where it fails."""
    done = subprocess.run(["git", *arguments], capture_output=True, text=True, check=False)
    if done.returncode:
        raise UserError(f"git {arguments[0]}: {done.stderr.strip()}")
    return done.stdout.strip()


def processor() -> str:
    """Return the name of the processor, as Linux has it, or else its kind."""
    described = Path("/proc/cpuinfo")
    named = re.search(r"model name\s*: (.*)", described.read_text()) if described.exists() else None
    return named[1] if named else platform.machine()


def written(docs: Path = DOCS) -> dict[Path, str]:
    """Return every page that is made from committed tables, by its place."""
    known = runs(docs)
    pages = {docs / "results" / f"{name}.md": page(run) for name, run in known.items()}
    return {**pages, docs / "answers.md": answered(known, docs)}


def beside(name: str, metrics: Path, docs: Path = DOCS) -> str:
    """Return the scores of the committed run `name`, and under them those in `metrics`, as tables.

    Raises UserError if there is no such run, or the two have other sets.
    """
    known = runs(docs)
    if name not in known:
        raise UserError(f"{docs}/results/{name}: no such run; expected {' or '.join(known)}")
    run = known[name]
    committed = run.folder / "metrics"
    kept, here = (
        read_json(place / "preprocess.json")["train"]["tokens"] for place in (committed, metrics)
    )
    minutes = run.facts["minutes"]
    return scored.side_by_side(
        {
            f"scale `{name}`: {kept:,} training tokens, {minutes} minutes": committed,
            f"`params.yaml`: {here:,} training tokens": metrics,
        }
    )


def write(docs: Path = DOCS) -> list[Path]:
    """Write these pages, and return where."""
    pages = written(docs)
    for place, text in pages.items():
        place.write_text(text, encoding="utf-8", newline="\n")
    return list(pages)
