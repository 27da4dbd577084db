"""Sentences about the comparison of word vectors say what its tables show, and no more."""

import numpy as np
import pandas as pd

from wordlab.report.findings import embeddings


def scores(task: str, n: int, total: int, seeds: int = 1, **models: float) -> pd.DataFrame:
    rows = [(model, task, score, seeds, n, total) for model, score in models.items()]
    return pd.DataFrame(rows, columns=["model", "task", "score", "seeds", "n", "total"])


def differences(*rows: tuple[str, str, str, float, bool]) -> pd.DataFrame:
    table = pd.DataFrame(rows, columns=["task", "first", "second", "difference", "distinct"])
    return table.assign(low=table["difference"] - 0.1, high=table["difference"] + 0.1)


TASK = "analogy 3cosadd"
SCORES = scores(TASK, 50, 60, ppmi_svd=0.4, skipgram=0.1, cbow=0.395)
DIFFERENCES = differences(
    (TASK, "ppmi_svd", "skipgram", 0.3, True),
    (TASK, "ppmi_svd", "cbow", 0.005, False),
    (TASK, "cbow", "skipgram", 0.295, True),
)


def test_a_lead_is_over_those_it_is_shown_to_exceed_under_names_that_people_know() -> None:
    lead, verdict = embeddings.comparison(SCORES, DIFFERENCES)
    assert lead == (
        "analogies by 3CosAdd, over 50 of 60 items: PPMI-SVD has the highest score, 0.400. "
        "It is above skip-gram by 0.300 [0.200, 0.400]. It is not shown to be above CBOW."
    )
    assert "PPMI-SVD over skip-gram at analogies by 3CosAdd. CBOW over skip-gram" in verdict
    assert verdict.endswith(
        "and draw words and questions, not the seed: each model is trained once."
    )


def test_a_verdict_says_which_seeds_the_intervals_draw() -> None:
    several = SCORES.assign(seeds=[3, 1, 1])
    assert embeddings.verdict(several, DIFFERENCES).endswith(
        "draw words, questions and seeds (3 trainings per model), but no seed of skip-gram and "
        "CBOW, trained once."
    )
    assert embeddings.verdict(SCORES.assign(seeds=[3, 5, 5]), DIFFERENCES).endswith(
        "draw words, questions and seeds (3 or 5 trainings per model)."
    )
    none = embeddings.verdict(SCORES, DIFFERENCES.assign(distinct=False))
    assert none.startswith("To be preferred on this text: none over any other. ")


def test_nothing_is_said_of_a_task_without_items() -> None:
    empty = scores("t", 0, 9, a=np.nan, b=np.nan)
    none = differences(("t", "a", "b", np.nan, False))
    assert embeddings.lead("t", empty, none) == "t: none of its 9 items can be scored."
    assert embeddings.verdict(empty, none).startswith("Nothing could be scored")
    assert embeddings.comparison(empty, none) == [
        "Nothing can be scored, as no item's words are all in the vocabulary: t."
    ]


def test_one_model_is_compared_with_none() -> None:
    said = embeddings.lead("t", scores("t", 3, 3, a=0.5), differences())
    assert said == "t, over 3 of 3 items: a has the highest score, 0.500."


def test_words_shown_are_explained_where_they_are_not_those_asked_for() -> None:
    def said(named: tuple[str, ...] | None, *shown: str) -> list[str]:
        return embeddings.words_shown("Words", named, shown)

    assert said(("war", "sea"), "war", "sea") == []
    assert said(None, "war") == ["Words, chosen from the text: war."]
    assert said(("mar", "war"), "war") == [
        "Words: 1 of the 2 named is not in the vocabulary and left out: mar."
    ]
    assert "2 of the 4 named are not" in said(("mar", "air", "war", "sea"), "war", "sea")[0]
    assert said(("mar",), "war") == [
        "Words: fewer than half of the 1 named are in the vocabulary; chosen from the text "
        "instead: war."
    ]
    assert said(("Mar", "War"), "mar", "war") == []


def contrasts(*rows: tuple[str, str, str, float, bool]) -> pd.DataFrame:
    table = pd.DataFrame(rows, columns=["model", "first", "second", "auc", "distinct"])
    return table.assign(low=table["auc"] - 0.1, high=table["auc"] + 0.1)


def test_each_model_is_said_to_separate_what_it_separates() -> None:
    known = contrasts(
        ("glove", "synonyms", "antonyms", 0.8, True),
        ("glove", "synonyms", "unrelated", 0.9, True),
        ("glove", "antonyms", "unrelated", 0.6, False),
        ("ppmi_svd", "synonyms", "antonyms", 0.45, False),
        ("ppmi_svd", "synonyms", "hypernyms", np.nan, False),
    )
    relations = pd.DataFrame({"relation": ["synonyms", "antonyms", "hypernyms"], "n": [40, 40, 0]})
    first, *others = embeddings.related(known, relations)
    assert "GloVe: synonyms are nearer, 0.80 [0.70, 0.90]." in first
    assert "PPMI-SVD: no difference is shown, 0.45 [0.35, 0.55]." in first
    assert others == [
        "GloVe distinguishes 1 of 2 relations from unrelated pairs.",
        "GloVe distinguishes 1 of 1 pairs of relations from each other.",
        "PPMI-SVD distinguishes 0 of 1 pairs of relations from each other.",
        "The intervals hold together for all 4 contrasts.",
        "Relations left out, because all models know no pair of them: hypernyms.",
    ]
    assert embeddings.related(known.assign(auc=np.nan), relations) == [
        "Relations: no two of them have pairs whose words all models know."
    ]
