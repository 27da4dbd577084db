"""What language models found."""

from collections.abc import Mapping
from typing import Any

from wordlab import names
from wordlab.params.language import CELLS
from wordlab.report.findings.embeddings import OPEN
from wordlab.report.results import (
    Answer,
    Results,
    Unmeasured,
    answer,
    by_method,
    of_stage,
    unbounded,
)
from wordlab.report.tables import Table, number, percent, ranged


@answer("language-models")
def _language_models(results: Results) -> Answer:
    """Return whether recurrent networks predict better than n-grams."""
    return predicted(results.metrics.get("language_models", {}))


def predicted(metrics: Mapping[str, Mapping[str, Any]]) -> Answer:
    """Decided for words if the interval of the best network's ratio to n-grams leaves out 1.

    metrics: by model, as `evaluation.language` returns them.
    """
    cells = [cell for cell in CELLS if cell in metrics]
    if not cells or "kneser_ney" not in metrics:
        raise Unmeasured("no language model beside n-grams")
    metrics = {model: unbounded(row) for model, row in metrics.items()}
    best = min(cells, key=lambda cell: metrics[cell]["perplexity"])
    own, ngrams = metrics[best], metrics["kneser_ney"]["perplexity"]
    low, high = own.get("ratio_low"), own.get("ratio_high")
    decided = low is not None and high is not None and (high < 1 or low > 1)
    start = {True: "Yes" if own["ratio"] < 1 else "No", False: f"That is {OPEN}"}[decided]
    text = (
        f"{start}: the {names.model(best)}'s perplexity on unseen text is "
        f"{number(own['perplexity'])}, that of n-grams {number(ngrams)}."
    )
    letters, counted = (metrics.get(f"{name}") for name in ("char", "kneser_ney_character"))
    if letters and counted:
        low, high, who = letters["ratio_low"], letters["ratio_high"], f"which is better is {OPEN}"
        if low is not None and high is not None and (high < 1 or low > 1):
            who = "the network predicts better" if high < 1 else "n-grams predict better"
        text += (
            f" Of characters, {who}: {number(letters['bits'])} bits each from the network, "
            f"{number(counted['bits'])} from n-grams."
        )
    text += _compared(metrics)
    rows = [
        [
            title, number(row["perplexity"]), number(row["bits"]),
            ranged(*(row.get(f"ratio{end}", 1) for end in ("", "_low", "_high"))),
            *(ranged(row.get(top), row.get(f"{top}_low"), row.get(f"{top}_high"), percent)
              for top in ("top_1", "top_5")),
            percent(row["top_1_known"]) if row.get("top_1_known") is not None else "–",
        ]
        for model, own in metrics.items() if model in names.LANGUAGE_MODELS
        for title, row in by_method(model, own)
    ]  # fmt: skip
    head = ["perplexity", "bits per symbol", "ratio to Kneser-Ney", "top-1 accuracy",
            "top-5 accuracy", "top-1, in vocabulary"]  # fmt: skip
    return Answer(text, decided, Table("On the test split", head, rows))


def _compared(metrics: Mapping[str, Mapping[str, Any]]) -> str:
    """Return how the networks do that are compared with another of the same symbols."""
    others = {name: row for name, row in metrics.items() if row.get("times_high") is not None}
    if not others:
        return ""
    parts = [
        f"the {names.model(name)} has "
        f"{ranged(row['times'], row['times_low'], row['times_high'], number)} times"
        for name, row in others.items()
    ]
    compared = names.model(next(iter(others.values()))["compared"])
    return (
        f" On the same text {names.listed(parts)} the {compared}'s perplexity, one training of "
        "each; these intervals are over other texts and hold together."
    )


@of_stage("evaluate_lm")
def _prompts(results: Results) -> list[str]:
    return prompts_left_out(results.metrics.get("language_models", {}))


def prompts_left_out(metrics: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """Return which models left prompts out because they do not know all their words.

    metrics: by model, as `evaluation.language` returns them.
    """
    left_out = {
        names.model(name): found["generated"]["prompts_left_out"]
        for name, found in metrics.items()
        if found.get("generated", {}).get("prompts_left_out")
    }
    return [
        f"{name}: {number(count)} of the prompts named in params.yaml have words unknown to it, "
        "and are left out."
        for name, count in left_out.items()
    ]
