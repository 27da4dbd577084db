"""The directions between modules hold, and dvc.yaml lists exactly what each stage uses."""

import ast
from pathlib import Path

import pytest
from ruamel.yaml import YAML

SOURCE = Path(__file__).resolve().parents[1] / "src"
REPOSITORY = SOURCE.parent
LAYERS = [
    {"errors", "names"},
    {"artifacts", "rng", "progress", "params", "lock", "workers", "cluster", "repository"},
    {"checkpoints", "downloads", "recorder"},
    {"text"},
    {"embeddings", "recurrent"},
    {"evaluation"},
    {"maps", "sweeps", "studies"},
    {"figures"},
    {"report", "results", "tracking"},
    {"stage", "cli"},
]
# these change how a result is asked for, kept or shown, not what it is
PLUMBING = (
    "checkpoints",
    "cluster",
    "downloads",
    "errors",
    "params",
    "progress",
    "recorder",
    "repository",
    "stage",
    "workers",
)
ONLY_IN = {
    "mlflow": {"tracking"},
    "numba": {"embeddings", "text"},
    "torch": {"recurrent", "evaluation.language", "studies", "sweeps"},
    "matplotlib": {"figures"},
    "distributed": {"cluster"},
    "dvc": set(),
}

# what is no code, but read by it
READ = {
    "compare_embeddings": {"src/wordlab/evaluation/relations.tsv"},
    "map_embeddings": {"src/wordlab/maps/map.html"},
    "report": {"src/wordlab/report/report.html"},
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
        assert other == top or layer(used) < layer(module) or {top, other} <= LAYERS[1], (
            f"{module} imports {used}"
        )


@pytest.mark.parametrize("package", sorted(ONLY_IN))
def test_a_heavy_package_is_imported_in_its_place_only(package):
    for module, path in MODULES.items():
        if any(name == package or name.startswith(f"{package}.") for name in imports(path)):
            assert any(module == home or module.startswith(f"{home}.") for home in ONLY_IN[package])


def pipeline():
    """Return the stages of dvc.yaml, a `foreach` stage as its `do`."""
    stages = YAML(typ="safe").load(REPOSITORY / "dvc.yaml")["stages"]
    return {name: stage.get("do", stage) for name, stage in stages.items()}


STAGES = pipeline()


def script(stage):
    return REPOSITORY / next(part for part in stage["cmd"].split() if part.endswith(".py"))


def closure(path):
    """Return the modules that a file uses, directly or through others, without the plumbing."""
    found, waiting = set(), own_imports(path)
    while waiting:
        module = waiting.pop()
        top = module.split(".")[0]
        skipped = PLUMBING if path.stem == "report" else (*PLUMBING, "figures")
        if module not in found and top not in skipped:
            found.add(module)
            waiting |= own_imports(MODULES[module])
    return found


def test_every_script_has_its_stage_and_every_stage_its_script():
    scripts = {path.name for path in (REPOSITORY / "stages").glob("*.py")}
    assert scripts == {script(stage).name for stage in STAGES.values()}


@pytest.mark.parametrize("name", sorted(STAGES))
def test_a_stage_depends_on_exactly_the_code_it_uses(name):
    stage = STAGES[name]
    path = script(stage)
    used = {f"src/wordlab/{module.replace('.', '/')}.py" for module in closure(path)}
    used.add(f"stages/{path.name}")
    used |= READ.get(path.stem, set())
    declared = {dep for dep in stage["deps"] if dep.startswith(("src/", "stages/"))}
    assert declared == used


@pytest.mark.parametrize("name", sorted(STAGES))
def test_a_stage_depends_on_exactly_the_params_it_reads(name):
    stage = STAGES[name]
    tree = ast.parse(script(stage).read_text())
    inner = {
        id(node.value): node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)
    }
    read = {
        inner.get(id(node), "params.yaml")
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute) and ast.unparse(node) == "run.params"
    }
    declared = {param.split(".")[0] for param in stage.get("params", [])}
    if "params.yaml" in read:  # handed on whole: the file is a dependency as data are
        assert "params.yaml" in stage["deps"]
        read = set()
    assert declared == read


@pytest.mark.parametrize("name", sorted(STAGES))
def test_a_stage_is_given_exactly_its_data(name):
    stage = STAGES[name]
    given = set(stage["cmd"].split()) & {
        part for part in stage["cmd"].split() if part.startswith(("data/", "reports/"))
    }
    data = {dep for dep in stage["deps"] if dep.startswith(("data/", "reports/"))}
    made = {
        path
        for kind in ("outs", "metrics", "plots")
        for entry in stage.get(kind, [])
        for path in (entry if isinstance(entry, dict) else [entry])
    }
    assert given == data | made


@pytest.mark.parametrize("name", sorted(STAGES))
def test_outputs_stay_until_new_ones_are_whole(name):
    stage = STAGES[name]
    for kind in ("outs", "metrics"):
        for entry in stage.get(kind, []):
            for path, options in entry.items():
                assert options.get("persist") is True, path
                small = path.startswith(("reports/metrics", "reports/curves", "reports/headline"))
                assert options.get("cache", True) != small, path
