"""Whatever lies in the current directory, our own processes run our own code."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from gesture_app import benchmark, doctor
from gesture_app.python_process import python_arguments
from gesture_app.ui import doctor_dialog, train_dialog

FOREIGN = ("random.py", "runpy.py", "os.py", "training/__init__.py", "gesture_app/__init__.py")


@pytest.fixture(autouse=True)
def foreign_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in FOREIGN:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("raise SystemExit('foreign code is run')\n")
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize("command", [train_dialog.COMMAND, doctor_dialog.COMMAND])
def test_commands(command: tuple[str, ...]) -> None:
    done = subprocess.run([sys.executable, *command, "--help"], capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stderr) == (0, "") and "usage" in done.stdout


def test_what_the_doctor_starts() -> None:
    assert not doctor.run_probe()["fault"]


def test_what_the_benchmark_starts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(benchmark, "FIRST_RESULT", "import random, gesture_app.errors; print(12.5)")
    assert benchmark.measure_start((), tmp_path)["memory_mb"] == 12.5


@pytest.mark.skipif(sys.version_info < (3, 11), reason="nothing keeps Python's own processes from it")
def test_what_these_start_themselves() -> None:
    code = "import random, subprocess, sys; sys.exit(subprocess.call([sys.executable, '-c', 'import random']))"
    assert subprocess.run([sys.executable, *python_arguments(code)], timeout=60).returncode == 0
