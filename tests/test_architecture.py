"""The directions between modules hold, and dvc.yaml lists exactly what each stage uses."""

import ast
import re
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from wordlab.params.embeddings import (
    CooccurrenceParams,
    GloveParams,
    PpmiParams,
    Word2vecParams,
)
from wordlab.params.sweeps import (
    UNSEEN,
    GloveSweepParams,
    PpmiSweepParams,
    Word2vecSweepParams,
)
from wordlab.params.text import BY_LANGUAGE
from wordlab.pipeline.declared import declaration, named

SOURCE = Path(__file__).resolve().parents[1] / "src"
REPOSITORY = SOURCE.parent
LAYERS = [
    {"compiled", "errors", "paths"},
    {"params"},
    {"names"},
    {"artifacts", "rng", "progress", "simd"},
    {"checkpoints", "downloads", "parallel", "processes"},
    {"published", "trials"},
    {"corpus"},
    {"text"},
    {"embeddings", "recurrent"},
    {"evaluation"},
    {"sweeps", "studies"},
    {"analysis"},
    {"explorer", "report"},
    {"asking"},
    {"pipeline"},
    {"library"},
    {"cli"},
    {"__main__"},
]
# these change how a result is asked for, kept or shown, not what it is
PLUMBING = {
    "checkpoints",
    "compiled",
    "downloads",
    "errors",
    "parallel",
    "params",
    "paths",
    "pipeline",
    "processes",
    "progress",
    "published",
    "trials",
}
DERIVED = "params.derived"
ONLY_IN = {
    "mlflow": {
        f"pipeline.{name}" for name in ("answering", "models", "runs", "served", "tracking")
    },
    "numba": {
        "compiled",
        "embeddings",
        "recurrent.kernels",
        "recurrent.panels",
        "recurrent.scans",
        "simd",
        "text",
    },
    "torch": {"pipeline.compile", "processes", "recurrent", "evaluation", "studies", "sweeps"},
    "matplotlib": {"report.figures"},
    "distributed": {"parallel"},
    "dvc": {"pipeline.plan"},
}


def modules():
    return {
        ".".join(path.relative_to(SOURCE / "wordlab").with_suffix("").parts): path
        for path in sorted((SOURCE / "wordlab").rglob("*.py"))
    }


MODULES = modules()


def imports(path):
    """Return what a file imports, at the top or within functions, but not for types alone."""
    found = set()

    def visit(node):
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test):
            return
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        if isinstance(node, ast.ImportFrom):
            found.add(node.module)
            found.update(f"{node.module}.{alias.name}" for alias in node.names)
        for child in ast.iter_child_nodes(node):
            visit(child)

    visit(ast.parse(path.read_text()))
    return found


def own_imports(path):
    """Return the modules of wordlab that a file imports, without its prefix."""
    names = {name.removeprefix("wordlab.") for name in imports(path) if name.startswith("wordlab")}
    packages = {name for name in names if f"{name}.__init__" in MODULES}
    return {name for name in names if name in MODULES} | {
        f"{package}.__init__" for package in packages if imports(MODULES[f"{package}.__init__"])
    }


def layer(module):
    top = module.split(".")[0]
    return next(level for level, names in enumerate(LAYERS) if top in names)


@pytest.mark.parametrize("module", [name for name in MODULES if name != "__init__"])
def test_no_module_imports_from_a_layer_above(module):
    top = module.split(".")[0]
    for used in own_imports(MODULES[module]):
        other = used.split(".")[0]
        assert other == top or layer(used) < layer(module), f"{module} imports {used}"


@pytest.mark.parametrize("package", sorted(ONLY_IN))
def test_a_heavy_package_is_imported_in_its_place_only(package):
    for module, path in MODULES.items():
        if any(name == package or name.startswith(f"{package}.") for name in imports(path)):
            assert any(module == home or module.startswith(f"{home}.") for home in ONLY_IN[package])


PARAMS = REPOSITORY / "params.yaml"
DECLARED = YAML(typ="safe").load(REPOSITORY / "dvc.yaml")["stages"]
STAGES = {name: stage.get("do", stage) for name, stage in DECLARED.items()}
FOREACH = {name: stage["foreach"] for name, stage in DECLARED.items() if "foreach" in stage}


def script(name):
    return REPOSITORY / "stages" / f"{name}.py"


def closure(path):
    """Return the modules that a file uses, directly or through others, without the plumbing."""
    found, waiting = set(), own_imports(path)
    while waiting:
        module = waiting.pop()
        plumbing = module.split(".")[0] in PLUMBING and module != DERIVED
        if module not in found and not plumbing:
            found.add(module)
            waiting |= own_imports(MODULES[module])
    return found


def part(module):
    """Return what a stage depends on that uses `module`: the folder it is in, or its file.

    These have a folder, or a file, for each method, kind of score, study and kind of sweep.
    """
    path = MODULES[module].relative_to(REPOSITORY)
    divided = path.parts[2] in ("embeddings", "evaluation", "params", "studies", "sweeps")
    depth = 4 if divided else 3
    return Path(*path.parts[:depth]).as_posix()


def test_every_script_has_its_stage_and_every_stage_its_script():
    scripts = {path.stem for path in (REPOSITORY / "stages").glob("*.py")}
    assert scripts == STAGES.keys()


@pytest.mark.parametrize("name", sorted(STAGES))
def test_a_command_is_the_script_of_its_stage(name):
    given = "${key}" if isinstance(FOREACH.get(name), str) else "${item}"
    item = f" --item {given}" if name in FOREACH else ""
    assert STAGES[name]["cmd"] == f"${{python}} stages/{name}.py{item}"


@pytest.mark.parametrize("name", sorted(STAGES))
def test_a_stage_depends_on_exactly_the_code_it_uses(name):
    used = {part(module) for module in closure(script(name))} | {f"stages/{name}.py"}
    declared = {dep for dep in STAGES[name]["deps"] if dep.startswith(("src/", "stages/"))}
    assert declared == used


def _of_params(node):
    """Return whether `node` reads run.params or a part of it, by its name or that of the item."""
    text = ast.unparse(node)
    return text.startswith("run.params") or text.startswith("getattr(run.params")


def _outermost(tree):
    """Yield the longest expressions that read params: run.params.glove, not its run.params."""
    waiting = [tree]
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.Attribute | ast.Call) and _of_params(node):
            yield node
        else:
            waiting += ast.iter_child_nodes(node)


def _dotted(node):
    """Return what an expression reads as dvc.yaml names it, the methods it calls left out."""
    text = re.sub(r"\.model_dump\(.*", "", ast.unparse(node))
    text = re.sub(r"getattr\((.*), f'(.*)'\)", r"\1.\2", text)  # f"sweep_{run.item}"
    text = re.sub(r"getattr\((.*), run\.item\)", r"\1.{run.item}", text)
    return text.removeprefix("run.params").removeprefix(".").replace("{run.item}", "${item}")


def _inherited(sweep, sections):
    """Return the params that a sweep takes over, but for those that change no vector."""
    return {
        f"{place}.{name}"
        for place, section in sections.items()
        for name in section.model_fields
        if name in sweep.inherited() and name not in UNSEEN
    }


INHERITED = {
    "sweep_word2vec": _inherited(Word2vecSweepParams, {"word2vec.shared": Word2vecParams}),
    "sweep_glove": _inherited(
        GloveSweepParams, {"cooccurrence": CooccurrenceParams, "glove": GloveParams}
    ),
    "sweep_ppmi": _inherited(
        PpmiSweepParams, {"cooccurrence": CooccurrenceParams, "ppmi": PpmiParams}
    ),
}


SETS = ("similarity", "analogies", "relations")
"""The keys of `languages` that name evaluation sets."""


@pytest.mark.parametrize("name", sorted(STAGES))
def test_a_stage_depends_on_exactly_the_params_it_reads(name):
    stage = STAGES[name]
    tree = ast.parse(script(name).read_text())
    read = {_dotted(node) for node in _outermost(tree)}
    raw = YAML(typ="safe").load(PARAMS)
    for section in {param.split(".")[0] for param in read if "." in param}:
        models = [name for name, own in raw[section].items() if isinstance(own, dict)]
        inherited = {f"{section}.{model}" for model in [*models, "${item}"]}
        if "shared" in models and inherited & read:
            read.add(f"{section}.shared")
    if "character_model" in read:
        read.add("language_model.shared")
    asked = {
        param: key
        for param, key in BY_LANGUAGE.items()
        if any(f"{param}.".startswith(f"{name}.") for name in read)
    }
    if name != "fetch_sets":  # which sets those are, the others learn from its output
        sets = {param for param, key in asked.items() if key in SETS}
        assert ("data/sets.json" in stage["deps"]) == bool(sets)
        asked = {param: key for param, key in asked.items() if param not in sets}
    read |= {f"languages.${{preprocess.language}}.{key}" for key in asked.values()}
    for sweep, inherited in INHERITED.items():
        read |= inherited if sweep in read else set()
    if "" in read:  # handed on whole: the file is a dependency as data are
        assert "params.yaml" in stage["deps"]
        read = set()
    assert set(stage.get("params", [])) == read


@pytest.mark.parametrize("name", sorted(STAGES))
def test_a_stage_names_its_data_so_that_dvc_yaml_has_them(name):
    """Names that are put together at run time are seen when the small pipeline runs."""
    if isinstance(FOREACH.get(name), str):
        pytest.skip("an item of params, of which params.yaml has none")
    item = FOREACH.get(name, [""])[0]
    declared = declaration(f"{name}@{item}" if item else name, REPOSITORY / "dvc.yaml", PARAMS)
    for node in ast.walk(ast.parse(script(name).read_text())):
        if isinstance(node, ast.Call) and ast.unparse(node.func) in ("run.input", "run.output"):
            paths = declared.inputs if ast.unparse(node.func) == "run.input" else declared.outputs
            if isinstance(node.args[0], ast.Constant):
                assert named(node.args[0].value, paths)


@pytest.mark.parametrize("name", sorted(STAGES))
def test_the_run_cache_serves_every_stage(name):
    """DVC keeps it for none with `persist`, or with an output but a metric or plot not cached."""
    for kind in ("outs", "metrics", "plots"):
        for entry in STAGES[name].get(kind, []):
            path, options = next(iter(entry.items())) if isinstance(entry, dict) else (entry, {})
            assert "persist" not in options and "always_changed" not in STAGES[name]
            assert options.get("cache", True) == (kind == "outs"), path
