"""Every benchmark runs, on a text of a few thousand words, as its documentation calls it."""

import argparse
import hashlib
import importlib
import itertools
import re
import shlex

import numpy as np
import pytest
import torch

from wordlab.artifacts import read_json
from wordlab.errors import UserError
from wordlab.evaluation.vectors import similarity
from wordlab.published import packaged

SMALL = {
    "analogy": "--words 1000 --dimensions 8 --repeats 1",
    "buckets": "--dimensions 8 --epochs 1 --parts 1 4",
    "counts": "--dimensions 8 --tolerance 0.2 --score",
    "evaluation_sets": "--words 400 --dimensions 8 --share 0.01",
    "glove": "--dimensions 8 --iterations 2 --score",
    "gradients": "--tokens 600 --rounds 1 --vocabulary 1600",
    "interval_coverage": "--trials 3 --min-count 1",
    "language_model": "--seeds 1 --change epochs=1 --peer-epochs 1",
    "machine": "--runs 1",
    "minute": "--seconds 6 --seeds 1 --threads 1 --rows wordlab gensim",
    "neighbour_coverage": "--tokens 1500 --draws 3 --fresh 2 --words 5 --epochs 2 --dimensions 8",
    "network_speed": "--rounds 1 --runs 1 --tokens 1500",
    "overhead": "--stages download",
    "scale": "--tokens 1e6",
    "soak": "--minutes 0.01 --stages download",
    "subword": "--epochs 1 --seeds 2",
    "surroundings": "--target download --cases",
    "text": "--copies 2",
    "vector_settings": "--dimensions 8",
    "wiki_1m": "--tokens 2000 400 400 --words 100",
    "word2vec": "--epochs 1 --seeds 1 --architectures cbow --systems gensim wordlab",
}
"""What makes each small: options that the documentation leaves at their defaults, or larger."""
HELPERS = {"harness", "published", "reading", "word_level"}
FIGURES = {
    "analogy": ["wordlab_seconds", "gensim_seconds"],
    "buckets": ["today.wordsim353", "parts_1.wordsim353", "parts_4.wordsim353"],
    "counts": ["count_s", "scipy_count_s", "svd_s", "arpack_svd_s", "sklearn_svd_s", "wordsim353"],
    "evaluation_sets": ["read_seconds", "score_seconds", "seconds", "sets", "items"],
    "glove": ["cells_per_s", "numpy_cells_per_s", "wordsim353"],
    "gradients": [],
    "interval_coverage": [
        "seeds.one_far_above.each_to_each",
        "folds.much.hold",
        "analogies.questions",
    ],
    "machine": [
        "multiply_adds_per_second",
        "plain_multiply_adds_per_second",
        "copy_bytes_per_second",
    ],
    "neighbour_coverage": ["draws", "skipgram.ranks", "ppmi_svd.differences", "ppmi_svd.scores"],
    "overhead": ["median_fixed", "lock_lines", "nothing_to_do", "help"],
    "soak": ["stages", "minutes", "wrong"],
    "subword": ["wordlab.cpu_seconds", "wordlab.wordsim353", "wordlab.wordsim353_all"],
    "text": ["tokens_per_second", "gensim_seconds"],
    "wiki_1m": ["train.documents", "valid.sentences", "test.tokens", "test.unknown"],
}
"""What each is for, its own figures and its peer's, beside the ratios."""
RATIOS = [
    ("analogy", "ratio", "gensim_seconds", "wordlab_seconds"),
    *(
        ("gradients", f"{cell}.ratio", f"{cell}.with_seconds", f"{cell}.without_seconds")
        for cell in ("rnn", "lstm", "gru")
    ),
]
"""Of each benchmark that prints one: the ratio, and the two figures that it is of."""


@pytest.fixture(autouse=True)
def benchmarks(repository, monkeypatch):
    """Let the benchmarks be imported, and undo what they set for their process."""
    monkeypatch.syspath_prepend(repository / "benchmarks")
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "WORDLAB_THREADS"):
        monkeypatch.setenv(name, "1")
    threads = torch.get_num_threads()
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    """A text of words of WordSim-353 by Zipf's law, a sentence a line."""
    random = np.random.default_rng(1)
    pairs = similarity.read_pairs(packaged("wordsim353"), "wordsim353").words
    words = sorted({word.lower() for pair in pairs for word in pair if word.isalpha()})
    weights = 1 / np.arange(1, len(words) + 1)
    lines = [
        f"{' '.join(random.choice(words, 12, p=weights / weights.sum())).capitalize()}.\n"
        for _ in range(600)
    ]
    path = tmp_path_factory.mktemp("corpus") / "corpus.txt"
    path.write_text("\n".join(lines))
    return path


def documented(repository):
    """Return the command of each benchmark in the documentation, what is optional left out."""
    texts = [repository / "benchmarks" / "README.md", repository / "docs" / "larger_scales.md"]
    found = {}
    for text in texts:
        for line in re.findall(r"python (benchmarks/[^`\n]*)", text.read_text(encoding="utf-8")):
            script, *options = shlex.split(re.sub(r"\[.*?\]", "", line))
            found[re.search(r"(\w+)\.py", script)[1]] = options
    return found


def test_every_benchmark_is_documented_and_tested(repository):
    names = {path.stem for path in (repository / "benchmarks").glob("*.py")} - HELPERS
    assert names == set(SMALL) == set(documented(repository))


def measured(name, corpus, folder, repository):
    """Run a benchmark as documented, made small; return the figures that it wrote."""
    out = folder / f"{name}.json"
    places = {"FILE": str(corpus), "OUT": str(out), "FOLDER": str(folder)}
    if name in ("language_model", "network_speed"):
        importlib.import_module("wiki_1m").cut(corpus, folder, (2000, 400, 400), 100)
    options = [places.get(word, word) for word in documented(repository)[name]]
    if "--json" not in options:
        options += ["--json", str(out)]
    importlib.import_module(name).main([*options, *SMALL[name].split()])
    figures = read_json(out)
    assert np.isfinite(list(numbers(figures))).all()
    return figures


def numbers(value):
    """Yield every number in nested figures, those in texts apart by commas among them."""
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list):
        for one in value:
            yield from numbers(one)
    elif isinstance(value, int | float):
        yield value


def figure(figures, path):
    """Return a nested figure, its keys joined by dots."""
    for key in path.split("."):
        figures = figures[key]
    return figures


@pytest.mark.parametrize("name", sorted(FIGURES))
def test_it_runs_as_documented(name, corpus, tmp_path, repository, capsys):
    figures = measured(name, corpus, tmp_path, repository)
    printed = capsys.readouterr().out
    ratios = [row[1:] for row in RATIOS if row[0] == name]
    for path in [*FIGURES[name], *itertools.chain(*ratios)]:
        assert isinstance(figure(figures, path), float | int), path
        keys = path.split(".")
        assert keys[-1] in printed or ".".join(keys[:-1]) in printed, path
    for ratio, over, under in ratios:
        quotient = figure(figures, over) / figure(figures, under)
        assert figure(figures, ratio) == pytest.approx(quotient, rel=0.1)


def test_the_search_for_settings_says_what_it_tried_and_chose(corpus, tmp_path, repository, capsys):
    figures = measured("vector_settings", corpus, tmp_path, repository)
    printed = capsys.readouterr().out.splitlines()
    assert len(figures["rows"]) == 4 * 2 * 4
    assert len(figures["chosen"]) == 4
    for line, row in zip(printed, [*figures["rows"], *figures["chosen"]], strict=True):
        assert f"{row['model']} window={row['window']} {row['settings']} {row['score']}" in line


def test_a_case_of_other_surroundings_ends_with_the_same_bytes(
    corpus, tmp_path, repository, capsys
):
    assert measured("surroundings", corpus, tmp_path, repository) == {"plain": "same bytes"}
    assert capsys.readouterr().out == "plain: same bytes\n"


def test_word2vec_prints_its_table_again(corpus, tmp_path, repository, capsys):
    cbow = measured("word2vec", corpus, tmp_path, repository)["cbow"]
    first = capsys.readouterr().out
    speeds = [cbow[system]["words_per_second"] for system in ("wordlab", "gensim")]
    assert cbow["ratio"] == pytest.approx(speeds[0] / speeds[1], rel=0.1)
    assert all(f"| {speed / 1e6:.2f} M |" in first for speed in speeds)
    importlib.import_module("word2vec").main(["--from", str(tmp_path / "word2vec.json")])
    assert capsys.readouterr().out == first
    rows = [line.split(" | ")[0].strip("| ") for line in first.splitlines()[4:]]
    assert rows == ["CBOW: gensim", "wordlab"]


def test_the_vectors_of_a_minute_print_their_table_again(corpus, tmp_path, repository, capsys):
    minute = importlib.import_module("minute")
    figures = measured("minute", corpus, tmp_path, repository)
    first = capsys.readouterr().out
    assert set(figures["rows"]) == {"wordlab", "gensim"}
    for row, line in zip(figures["rows"].values(), first.splitlines()[4:], strict=True):
        assert row["spearman"] == pytest.approx((row["wordsim353"] + row["simlex999"]) / 2)
        assert line.split(" | ")[1] == f"{row['seconds']:.1f}"
    minute.main(["--from", str(tmp_path / "minute.json")])
    assert capsys.readouterr().out == first


@pytest.mark.parametrize(
    ("loading", "an_epoch", "epochs", "share", "cell"),
    [(3.0, 10.0, 5, 1.0, "5"), (0.0, 93.0, 1, 0.6, "0.60")],
)
def test_as_many_epochs_are_trained_as_there_is_time_for(
    loading, an_epoch, epochs, share, cell, tmp_path, monkeypatch
):
    """With 5 s beside the training, of 58.8 of 60 s that are planned for."""
    minute = importlib.import_module("minute")
    text = tmp_path / "train.txt"
    text.write_text("a\n\n" * 100)

    def made(asked, name, text, epochs, seed, scored=False):
        training = loading + an_epoch * epochs * text.read_text().count("a") / 100
        found = {"wordsim353": 0.4, "simlex999": 0.2, "analogies": 0.1}
        return {"seconds": 5 + training, "training": training} | (found if scored else {})

    monkeypatch.setattr(minute, "made", made)
    row = minute.best(argparse.Namespace(seconds=60, seeds=3), "wordlab", text)
    assert (row["epochs"], row["text_share"]) == (epochs, pytest.approx(share, abs=0.001))
    assert row["seconds"] <= 61
    assert row["spearman"] == pytest.approx(0.3)
    figures = {
        "processor": "p",
        "threads": 1,
        "tokens": 100,
        "seconds": 60,
        "rows": {"wordlab": row},
    }
    assert minute.table(figures).splitlines()[4].split(" | ")[2] == cell


def test_a_text_too_long_for_the_minute_is_cut_after_a_document(tmp_path):
    text = tmp_path / "train.txt"
    text.write_text("a b\n\nc\n\nd e\n\nf\n\n")
    part = importlib.import_module("minute").beginning(text, 0.5)
    assert part.read_text() == "a b\n\nc\n\n"
    assert part.parent != text.parent  # its encoding is kept beside it


def test_the_language_models_print_their_tables_again(corpus, tmp_path, repository, capsys):
    language_model = importlib.import_module("language_model")
    figures = measured("language_model", corpus, tmp_path, repository)
    first = capsys.readouterr().out
    assert min(figures["wordlab"]["seconds"], figures["peer_1"]["peak_mib"]) > 0
    both = [figures[name] for name in ("peer", "wordlab")]
    test, other = (run["test"] for run in (figures["wordlab_1"], figures["peer_1"]))
    assert figures["test_ratio"] == pytest.approx(test / other)
    assert [run["test"] for run in both] == pytest.approx([other, test])
    rows = [line.strip("| ").split(" | ") for line in first.splitlines()[4:6]]
    assert [row[1:3] for row in rows] == [["1", "1"]] * 2
    for row, run in zip(rows, both, strict=True):
        assert row[4:6] == [f"{run['valid']:.1f}", f"{run['test']:.1f}"]
    kept = str(tmp_path / "language_model.json")
    language_model.main(["--from", kept])
    assert capsys.readouterr().out == first
    (tmp_path / "peer.json").write_text("{}")
    with pytest.raises(SystemExit, match="peer.json: has not both to compare"):
        language_model.main(["--from", str(tmp_path / "peer.json")])
    with pytest.raises(SystemExit, match="language_model.json: threads: measured with 2, not 1"):
        language_model.main(["--set", str(tmp_path), "--json", kept, "--threads", "1"])
    (tmp_path / "test.txt").write_text("another text\n")
    with pytest.raises(SystemExit, match=r"language_model.json: set\.test: measured with"):
        language_model.main(["--set", str(tmp_path), "--json", kept, "--threads", "2"])


def test_the_speeds_of_networks_print_their_tables_again(corpus, tmp_path, repository, capsys):
    network_speed = importlib.import_module("network_speed")
    figures = measured("network_speed", corpus, tmp_path, repository)
    first = capsys.readouterr().out
    speeds = figures["tokens_per_second"]
    assert list(speeds) == ["adaptive_1", "adaptive_2", "full_1", "full_2"]
    assert min(*numbers(speeds), *numbers(figures["layers"])) > 0
    assert f"| 2 threads | {figures['layers']['2']['rnn']:.2f} |" in first
    assert f"| full softmax, 1 thread | {speeds['full_1']['float32'] / 1000:.1f} |" in first
    network_speed.main(["--from", str(tmp_path / "network_speed.json")])
    assert capsys.readouterr().out == first


@pytest.mark.parametrize(
    ("page", "name", "table"),
    [
        ("README.md", "word2vec", "table"),
        ("README.md", "language_model", "comparison"),
        ("benchmarks/README.md", "minute", "table"),
        ("benchmarks/README.md", "network_speed", "tables"),
    ],
)
def test_a_page_has_the_table_of_the_figures_kept(page, name, table, repository):
    figures = read_json(repository / "benchmarks" / "figures" / f"{name}.json")
    printed = getattr(importlib.import_module(name), table)(figures)
    assert printed in (repository / page).read_text(encoding="utf-8")


GIVEN = {
    "word2vec": {"rate", "epochs"},
    "cooccurrence": {"memory_mb"},
    "ppmi": {"dimensions"},
    "glove": {"dimensions", "iterations"},
    "gradients": {"cell"},
    "preprocess": set(),
}
"""What a benchmark takes from its command line, or states per model."""


def test_the_mean_of_several_models_is_that_of_their_probabilities(tmp_path):
    """One gives p = 1/2 and 1/8, the other 1/4 and 3/8: the mean is 3/8 and 1/4."""
    language_model = importlib.import_module("language_model")
    kept = tmp_path / "kept.json"
    for seed, p in ((1, [1 / 2, 1 / 8]), (2, [1 / 4, 3 / 8])):
        losses = -np.log(p)
        np.savez(language_model.losses_of(kept, seed), valid=losses, test=losses[::-1])
    figures = {"wordlab_1": {"seconds": 60}, "wordlab_2": {"seconds": 30}, "peer": {"test": 4}}
    found = language_model.ensemble(kept, figures)["ensemble"]
    expected = (3 / 8 * 1 / 4) ** -0.5
    assert [found["valid"], found["test"]] == pytest.approx([expected] * 2)
    assert found["seconds"] == 90
    figures |= {"ensemble": found, "processor": "P", "threads": 2, "valid_by_minutes": []}
    figures |= {"params": {"cell": "gru", "hidden_size": 9}, "peer_1": figures["peer"]}
    for name in ("peer", "peer_1", "wordlab", "wordlab_1", "wordlab_2"):
        figures[name] = {"valid": 4, "test": 4, "seconds": 60, "curve": [{}] * 7}
    rows = language_model.comparison(figures).splitlines()[4:7]
    assert rows[2].split(" | ")[1:] == ["2", "7", "2", "3.3", "3.3", f"{expected / 4:.3f} |"]
    figures["wordlab_3"] = {"seconds": 30}
    assert language_model.ensemble(kept, figures) == {"ensemble": None}, "no losses of the third"


@pytest.mark.parametrize(("first_updates", "expected"), [(169.0, 147.0), (120.0, 120.0)])
def test_an_epoch_of_the_peer_is_no_longer_than_its_fastest(
    tmp_path, monkeypatch, first_updates, expected
):
    """Epochs of 210, 147 and 300 seconds on a busy machine."""
    language_model = importlib.import_module("language_model")
    paced = {"curve": [{"seconds": first_updates, "valid": 9.0}]}
    monkeypatch.setattr(language_model.harness, "alone", lambda *_: paced)
    peer = {"curve": [{"seconds": seconds} for seconds in (210.0, 357.0, 657.0)]}
    measured = language_model.peer_epoch_seconds
    assert measured(tmp_path, language_model.Peer(1, 1, 1, "cpu"), [peer]) == expected
    assert measured(tmp_path, language_model.Peer(1, 1, 1, "cpu"), []) == first_updates


def test_the_set_of_wikipedia_has_whole_documents_and_the_words_of_train(tmp_path):
    wiki_1m = importlib.import_module("wiki_1m")
    text = tmp_path / "text.txt"
    text.write_text("\n".join(f"The {i} of 1990s, {'xyz'[i % 3]}.\nOne!\n" for i in range(60)))
    figures = wiki_1m.cut(text, tmp_path, (320, 80, 80), 5)
    assert [figure["documents"] for figure in figures.values()] == [40, 10, 10]
    assert [figure["tokens"] for figure in figures.values()] == [320, 80, 80]
    document = "the N of 1990s <unk>\none\n\n"
    for name, figure in figures.items():
        split = (tmp_path / f"{name}.txt").read_bytes()
        assert split.decode() == document * figure["documents"]
        assert figure["unknown"] == round(1 / 6, 4)
        assert figure["sha256"] == hashlib.sha256(split).hexdigest()
    wiki_1m.cut(text, tmp_path / "all", (320, 80, 80), 9)
    words = set((tmp_path / "all" / "train.txt").read_text().split())
    assert words == {"the", "N", "of", "1990s", "one", "x", "y", "z"}
    with pytest.raises(UserError, match="no document of at most 7 tokens is left for test"):
        wiki_1m.cut(text, tmp_path, (320, 80, 7), 4)


def test_published_figures_depend_on_no_setting_of_params():
    published, harness = (importlib.import_module(name) for name in ("published", "harness"))
    params = harness.params()
    sections = {
        "word2vec": (params.word2vec.cbow, published.WORD2VEC),
        "cooccurrence": (params.cooccurrence, published.COOCCURRENCE),
        "ppmi": (params.ppmi, published.PPMI),
        "glove": (params.glove, published.GLOVE),
        "gradients": (params.language_model.gru, published.GRADIENTS),
        "preprocess": (params.preprocess, published.PREPROCESS),
    }
    for name, (section, settings) in sections.items():
        assert settings.keys() | GIVEN[name] == set(type(section).model_fields), name


def test_word2vec_trains_with_the_published_settings(monkeypatch):
    word2vec, harness = (importlib.import_module(name) for name in ("word2vec", "harness"))
    before = [word2vec.settings(name) for name in word2vec.ARCHITECTURES]
    assert {one.window for one in before} == {5}
    shipped = harness.params()
    changed = {
        name: harness.changed(getattr(shipped.word2vec, name), window=2, rate=1, negatives=9)
        for name in word2vec.ARCHITECTURES
    }
    other = shipped.model_copy(update={"word2vec": shipped.word2vec.model_copy(update=changed)})
    monkeypatch.setattr(harness, "params", lambda: other)
    assert [word2vec.settings(name) for name in word2vec.ARCHITECTURES] == before


def test_the_documentation_names_the_published_settings(repository):
    settings = importlib.import_module("published").WORD2VEC
    assert settings["subsample"] == 1e-4
    named = (
        f"{settings['dimensions']} dimensions, window {settings['window']}, "
        f"{settings['negatives']} negatives, sample 1e-4"
    )
    for path in ("README.md", "docs/vectors.md", "benchmarks/README.md"):
        assert named in " ".join((repository / path).read_text(encoding="utf-8").split()), path


def test_the_set_of_a_language_model_has_the_end_of_each_line(tmp_path):
    for name in ("train", "valid", "test"):
        (tmp_path / f"{name}.txt").write_text("the cat sat\nthe end\n\na cat\n\n")
    text = importlib.import_module("word_level").read(tmp_path)
    end, words = text.vocabulary.end, (*text.vocabulary.words, None, "\n")
    assert words[end] == "\n"
    read = " ".join(words[place] for place in text.symbols("train")[0])
    assert read == "the cat sat \n the end \n a cat \n"
    assert text.symbols("test")[1].tolist() == [0, 7]


def test_the_needs_of_a_large_text_are_worked_out(
    corpus, tmp_path, repository, capsys, monkeypatch
):
    scale = importlib.import_module("scale")
    alone = scale.in_a_process

    def here(step, folder, asked):
        if step == "cooccurrence":
            return alone(step, folder, asked)
        return scale.STEP_BY_NAME[step](folder, asked.words)

    monkeypatch.setattr(scale, "SHARES", (0.25, 0.5, 1.0))
    monkeypatch.setattr(scale, "DIMENSIONS", 8)
    monkeypatch.setattr(scale, "in_a_process", here)
    monkeypatch.setattr(scale.MEMORY, "peak", 2**20)
    runs = measured("scale", corpus, tmp_path, repository)
    first = capsys.readouterr().out
    assert [run["tokens"] for run in runs] == sorted(run["tokens"] for run in runs)
    assert all(title in first for title, _ in scale.STEPS.values())
    scale.main(["--from", str(tmp_path / "scale.json"), "--tokens", "1e6"])
    assert capsys.readouterr().out == first
