"""Processes that work side by side end with the one that started them, without a word."""

import os
import signal
import subprocess
import sys

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
    process = subprocess.Popen(
        [sys.executable, str(script)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        env={**os.environ, "WORDLAB_THREADS": "3", "PYTHONPATH": str(repository / "src")},
    )  # fmt: skip
    assert process.stdout.readline() == "0\n"
    workers = psutil.Process(process.pid).children(recursive=True)
    process.send_signal(number)
    _, output = process.communicate(timeout=60)
    assert output.splitlines()[-1:] == (["KeyboardInterrupt"] if number == signal.SIGINT else [])
    assert "resource_tracker" not in output
    assert output.count("Traceback") <= 1
    assert psutil.wait_procs(workers, timeout=20)[1] == []
