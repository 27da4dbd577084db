"""docs/notebook.ipynb is docs/notebook.py with the outputs of the default run.

`PYTHONPATH=src python tests/test_notebook.py --write [CHECKOUT]` runs the script in the docs of a
checkout, this one if none is given, and writes the notebook with what its cells show. It also
writes which bytes of DVC the models had, so that a test fails where outputs are of another run.
"""

import ast
import contextlib
import io
import json
import os
import re
import sys
from pathlib import Path

import pytest
from ruamel.yaml import YAML

REPOSITORY = Path(__file__).resolve().parents[1]
SCRIPT = REPOSITORY / "docs" / "notebook.py"
NOTEBOOK = SCRIPT.with_suffix(".ipynb")
MARK = re.compile(r"^# %%( \[markdown\])?\n", re.MULTILINE)


def cells(script):
    """Return the kind and the source of each cell."""
    _, *parts = MARK.split(script)
    found = []
    for markdown, source in zip(parts[::2], parts[1::2], strict=True):
        source = source.strip("\n")
        if markdown:
            source = "\n".join(
                line.removeprefix("#").removeprefix(" ") for line in source.split("\n")
            )
        found.append(("markdown" if markdown else "code", source))
    return found


def shown(value):
    """Return the output of a cell that ends in `value`."""
    data = {"text/plain": repr(value)}
    if hasattr(value, "_repr_html_"):
        data["text/html"] = value._repr_html_()
    return {"data": data, "metadata": {}, "output_type": "execute_result"}


def run(source, names):
    """Run a cell among `names`, which it changes; return its outputs as a notebook has them."""
    *body, last = ast.parse(source).body
    ends = isinstance(last, ast.Expr)
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        tree = ast.Module(body if ends else [*body, last], [])
        exec(compile(tree, "cell", "exec"), names)
        value = eval(compile(ast.Expression(last.value), "cell", "eval"), names) if ends else None
    text = printed.getvalue()
    outputs = [{"name": "stdout", "output_type": "stream", "text": text}] if text else []
    return outputs if value is None else [*outputs, shown(value)]


def notebook(script, models):
    """Return the notebook of a script, run here; models: the md5 of each output it opens."""
    names, made, count = {"__name__": "__main__"}, [], 0
    for number, (kind, source) in enumerate(cells(script)):
        cell = {"cell_type": kind, "id": f"cell-{number}", "metadata": {}, "source": source}
        if kind == "code":
            count += 1
            outputs = run(source, names)
            for output in outputs:
                if output["output_type"] == "execute_result":
                    output["execution_count"] = count
            cell |= {"execution_count": count, "outputs": outputs}
        made.append(cell)
    kernel = {"display_name": "Python 3", "language": "python", "name": "python3"}
    metadata = {
        "kernelspec": kernel,
        "language_info": {"name": "python"},
        "wordlab": {"models": models},
    }
    return {"cells": made, "metadata": metadata, "nbformat": 4, "nbformat_minor": 5}


def opened(script, checkout):
    """Return the md5 that the dvc.lock of `checkout` has of each model that a script opens."""
    stages = YAML(typ="safe").load(checkout / "dvc.lock")["stages"].values()
    made = {out["path"]: out["md5"] for stage in stages for out in stage.get("outs", ())}
    names = re.findall(r'wordlab\.open\("(\w+)"\)', script)
    return {name: made[f"data/models/{name}"] for name in names}


def written():
    return json.loads(NOTEBOOK.read_text(encoding="utf-8"))


def test_the_notebook_is_the_script():
    held = [(cell["cell_type"], cell["source"]) for cell in written()["cells"]]
    assert held == cells(SCRIPT.read_text(encoding="utf-8"))


def test_its_outputs_are_those_of_the_models_that_dvc_lock_has():
    script = SCRIPT.read_text(encoding="utf-8")
    models = opened(script, REPOSITORY)
    assert {"skipgram", "ppmi", "lm_gru"} == set(models)
    assert written()["metadata"]["wordlab"]["models"] == models, "run this file with --write"


def test_it_has_what_its_readers_need_and_nothing_of_a_machine():
    made = written()
    assert (made["nbformat"], made["nbformat_minor"]) == (4, 5)
    code = [cell for cell in made["cells"] if cell["cell_type"] == "code"]
    assert [cell["execution_count"] for cell in code] == list(range(1, len(code) + 1))
    assert sum(bool(cell["outputs"]) for cell in code) > len(code) // 2
    text = NOTEBOOK.read_text(encoding="utf-8")
    assert not re.search(r"/(?:home|root|tmp|Users)/|<script|Traceback", text)


def test_a_cell_shows_what_it_prints_and_its_last_value(capsys):
    class Page:
        def _repr_html_(self):
            return "<p>"

    names = {"Page": Page}
    assert run("a = 2\nprint(a)\na * a", names) == [
        {"name": "stdout", "output_type": "stream", "text": "2\n"},
        {"data": {"text/plain": "4"}, "metadata": {}, "output_type": "execute_result"},
    ]
    assert run("b = a", names) == []
    assert run("Page()", names)[0]["data"]["text/html"] == "<p>"
    assert capsys.readouterr().out == ""
    with pytest.raises(NameError):
        run("missing", names)


if __name__ == "__main__":
    assert sys.argv[1:2] == ["--write"]
    checkout = Path(sys.argv[2] if len(sys.argv) > 2 else REPOSITORY).resolve()
    os.chdir(checkout / "docs")
    script = SCRIPT.read_text(encoding="utf-8")
    made = notebook(script, opened(script, checkout))
    text = json.dumps(made, indent=1, ensure_ascii=False)
    NOTEBOOK.write_text(text + "\n", encoding="utf-8", newline="\n")
