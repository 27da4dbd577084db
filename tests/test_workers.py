"""Processes that work side by side end with the one that started them, without a word."""

import os
import signal
import subprocess
import sys
from pathlib import Path
from tempfile import mkdtemp

import psutil
import pytest

SCRIPT = """
import signal
import time
from wordlab import parallel

if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.default_int_handler)  # tests behind a shell's `&` ignore it
    for number, _ in parallel.side_by_side(time.sleep, [0, *[0.2] * 100]):
        print(number, flush=True)
"""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_workers_end_with_the_process_that_started_them(number, tmp_path, repository):
    script = tmp_path / "script.py"
    script.write_text(SCRIPT)
    scratch = Path(mkdtemp())  # short enough for the names of sockets
    process = subprocess.Popen(
        [sys.executable, str(script)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        env={**os.environ, "WORDLAB_THREADS": "3", "PYTHONPATH": str(repository / "src"),
             "TMPDIR": str(scratch)},
    )  # fmt: skip
    assert process.stdout.readline() == "0\n"
    workers = psutil.Process(process.pid).children(recursive=True)
    process.send_signal(number)
    _, output = process.communicate(timeout=60)
    assert output.splitlines()[-1:] == (["KeyboardInterrupt"] if number == signal.SIGINT else [])
    assert "resource_tracker" not in output
    assert output.count("Traceback") <= 1
    assert psutil.wait_procs(workers, timeout=20)[1] == []
    scratch.rmdir()  # nothing is left in it


SLOW = """
import sys, time

if len(sys.argv) == 1:  # in the process that loads modules for workers
    print("loading", flush=True)
    time.sleep(2)

def work(job):
    return job
"""


@pytest.mark.skipif(sys.platform != "linux", reason="workers load modules themselves elsewhere")
def test_ctrl_c_while_modules_of_workers_load_is_one_traceback(tmp_path, repository):
    (tmp_path / "slow.py").write_text(SLOW)
    script = tmp_path / "script.py"
    script.write_text(SCRIPT.replace("time.sleep, [0, *[0.2] * 100]", "slow.work, range(9)"))
    script.write_text(script.read_text().replace("import time\n", "import slow\n"))
    scratch = Path(mkdtemp())
    process = subprocess.Popen(
        [sys.executable, str(script), "--here"], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        text=True, start_new_session=True,
        env={**os.environ, "WORDLAB_THREADS": "2", "TMPDIR": str(scratch),
             "PYTHONPATH": os.pathsep.join([str(repository / "src"), str(tmp_path)])},
    )  # fmt: skip
    assert process.stdout.readline() == "loading\n"
    os.killpg(process.pid, signal.SIGINT)  # as a terminal does
    _, output = process.communicate(timeout=60)
    assert output.count("Traceback") == 1 and "forkserver.py" not in output
    assert output.splitlines()[-1] == "KeyboardInterrupt"


KILLED = """
import os, signal, sys
from wordlab import parallel
from wordlab.errors import UserError

def end(job):
    os.kill(os.getpid(), signal.SIGKILL)

if __name__ == "__main__":
    run = {"side": lambda: parallel.side_by_side(end, [0, 1]),
           "order": lambda: parallel.in_order(end, [0, 1], batch=1)}[sys.argv[1]]
    try:
        list(run())
    except UserError as error:
        print(error)
"""


@pytest.mark.parametrize("way", ["side", "order"])
def test_a_worker_that_is_killed_is_one_line(way, tmp_path, repository):
    script = tmp_path / "script.py"
    script.write_text(KILLED)
    done = subprocess.run(
        [sys.executable, str(script), way], capture_output=True, text=True, check=True,
        env={**os.environ, "WORDLAB_THREADS": "2", "PYTHONPATH": str(repository / "src")},
    )  # fmt: skip
    assert done.stdout.startswith("a process that computed was killed, for which too little memory")
    assert done.stdout.count("\n") == 1 and done.stderr == ""


INTERRUPTED = {
    "in an import": "raise KeyboardInterrupt",
    "in a callback": """
import os, signal, time, weakref

def interrupt(reference):
    os.kill(os.getpid(), signal.SIGINT)
    time.sleep(0)

signal.signal(signal.SIGINT, signal.default_int_handler)
kept = {1, 2, 3}
watched = weakref.ref(kept, interrupt)
del kept
time.sleep(20)
""",
}
"""When Ctrl-C comes to a stage."""


@pytest.mark.parametrize("when", INTERRUPTED)
def test_ctrl_c_as_a_stage_begins_is_one_line(when, tmp_path, repository):
    script = tmp_path / "stages" / "train_lm.py"
    script.parent.mkdir()
    script.write_text(f"import wordlab\n{INTERRUPTED[when]}\n")
    (tmp_path / "src").symlink_to(repository / "src")
    done = subprocess.run(
        [sys.executable, str(script)], capture_output=True, text=True, check=False,
        env={**os.environ, "PYTHONPATH": str(tmp_path / "src")},
    )  # fmt: skip
    assert done.returncode in (1, 130, -signal.SIGINT)
    assert done.stderr == "train_lm: interrupted; run it again\n"


def test_scripts_of_another_folder_called_stages_keep_their_errors(tmp_path, repository):
    script = tmp_path / "stages" / "own.py"
    script.parent.mkdir()
    script.write_text("import wordlab\nraise KeyboardInterrupt\n")
    done = subprocess.run(
        [sys.executable, str(script)], capture_output=True, text=True, check=False,
        env={**os.environ, "PYTHONPATH": str(repository / "src")},
    )  # fmt: skip
    assert done.stderr.startswith("Traceback")
