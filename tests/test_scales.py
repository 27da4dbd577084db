"""Every scale is valid, and DVC makes of its arguments the params that it describes."""

import shutil
import subprocess
from pathlib import Path

import pytest
from dvc.utils.hydra import apply_overrides, get_hydra_sweeps

from wordlab.errors import UserError
from wordlab.params import merged
from wordlab.params.scales import arguments, summaries
from wordlab.params.whole import load, read

REPOSITORY = Path(__file__).resolve().parents[1]
SCALES = REPOSITORY / "scales"
PARAMS = REPOSITORY / "params.yaml"


def applied(printed, folder):
    """Return the params that DVC makes of printed arguments, of which a shell makes words."""
    script = f"cd '{folder}'; printf '%s\\n' $(cat arguments)"
    (folder / "arguments").write_text(printed)
    words = subprocess.run(["bash", "-c", script], capture_output=True, text=True, check=True)
    words = words.stdout.splitlines()
    assert words[::2] == ["-S"] * (len(words) // 2)
    (sweep,) = get_hydra_sweeps({"params.yaml": words[1::2]})
    changed = Path(shutil.copy(PARAMS, folder / "params.yaml"))
    apply_overrides(str(changed), sweep["params.yaml"])
    return changed


@pytest.fixture
def scale(tmp_path):
    """Return what writes a scale and returns the folder it is in."""

    def write(text):
        (tmp_path / "mine.yaml").write_text(f"# mine\n{text}\n")
        return tmp_path

    return write


@pytest.mark.parametrize("name", summaries(SCALES))
def test_dvc_makes_of_its_arguments_what_a_scale_says(name, tmp_path):
    changed = applied(arguments(name, SCALES, PARAMS), tmp_path)
    assert read(changed) == merged(read(PARAMS), read(SCALES / f"{name}.yaml"))
    assert load(changed) == load(PARAMS, SCALES / f"{name}.yaml")


def test_values_of_every_kind_arrive_as_they_are(scale, tmp_path):
    folder = scale(
        "corpus: {source: file, path: 'texts/é*.gz', column: '12'}\n"
        "word2vec: {skipgram: {epochs: 3, subsample: 1.0e-5}, shared: {rate_floor: 0}}\n"
        "language_model: {shared: {patience: null, tokens: 900, adaptive_cutoffs: []}}\n"
        "comparison: {words: [été, 'null', 'no', '7', x-y]}\n"
        "evaluation: {similarity: [{name: mine, path: a/b.tsv}, {name: simlex999}]}\n"
        "sweep_recurrent:\n"
        "  search: random\n"
        "  space: {rate: {low: 0.001, high: 0.1, log: true}, forget_bias: [0.0, 1.0]}\n"
    )
    expected = merged(read(PARAMS), read(folder / "mine.yaml"))
    assert read(applied(arguments("mine", folder, PARAMS), tmp_path)) == expected


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("word2vec: {shared: {windwo: 5}}", r"mine\.yaml: word2vec\.shared\.windwo: no such param"),
        ("word2vec: {shared: {window: 0}}", r"mine\.yaml: word2vec\.shared\.window: expected gre"),
        ("glvoe: {rate: 1}", r"mine\.yaml: glvoe: no such param; expected one of seed"),
        ("generation: {prompts: [he was]}", r"mine\.yaml: generation\.prompts: expected no blank"),
        ("glove: [", r"mine\.yaml, line \d+: .*expected YAML"),
        ("", r"mine\.yaml: expected sections with keys"),
    ],
)
def test_a_mistake_in_a_scale_gets_a_line_that_names_file_and_place(scale, text, problem):
    with pytest.raises(UserError, match=problem) as caught:
        arguments("mine", scale(text), PARAMS)
    assert "\n" not in str(caught.value)


def test_a_scale_that_is_not_there_gets_the_names_of_those_that_are():
    with pytest.raises(UserError, match="decade: no such scale; expected one of characters,"):
        arguments("decade", SCALES, PARAMS)


def test_every_scale_says_what_it_is_for():
    for path in SCALES.glob("*.yaml"):
        first = path.read_text().partition("\n")[0]
        assert first.startswith("# ") and len(first) <= 100, path


@pytest.mark.parametrize("name", [None, *summaries(SCALES)])
def test_the_cells_of_a_sweep_differ_in_kind_alone(name):
    params = load(PARAMS) if name is None else load(PARAMS, SCALES / f"{name}.yaml")
    sweep = params.sweep_recurrent
    networks = [getattr(params.language_model, cell).model_dump() for cell in sweep.cells]
    same = {"cell": "either", **sweep.fixed, **dict.fromkeys(sweep.space)}
    first, *others = [network | same for network in networks]
    assert others and all(other == first for other in others)
