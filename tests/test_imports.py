"""Who may import whom, and what a command must not load."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
FILES = sorted([*(ROOT / "gesture_app").rglob("*.py"), *(ROOT / "training").rglob("*.py")])


def module_name(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


def imported(path: Path) -> set[str]:
    names = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            names.add(str(node.module))
    return names


def within(name: str, *packages: str) -> bool:
    return any(name == package or name.startswith(package + ".") for package in packages)


FORBIDDEN = [
    # importer, what it must not import, exceptions
    ("gesture_app", ("training",), ()),
    (
        "gesture_app.vision",
        ("PyQt6", "av", "gesture_app"),
        ("gesture_app.vision", "gesture_app.errors", "gesture_app.python_process"),
    ),
    (
        "gesture_app.video",
        ("PyQt6", "torch", "gesture_app"),
        ("gesture_app.vision", "gesture_app.video", "gesture_app.errors"),
    ),
    ("training", ("PyQt6", "gesture_app"), ("gesture_app.vision", "gesture_app.errors", "gesture_app.command_line")),
    ("gesture_app.annotate", ("PyQt6", "gesture_app.ui"), ()),
]


@pytest.mark.parametrize(("package", "banned", "allowed"), FORBIDDEN)
def test_import_directions(package: str, banned: tuple[str, ...], allowed: tuple[str, ...]) -> None:
    files = [path for path in FILES if within(module_name(path), package)]
    assert files
    for path in files:
        wrong = {name for name in imported(path) if within(name, *banned) and not within(name, *allowed)}
        assert not wrong, f"{path.name} imports {wrong}"


def test_only_ui_imports_qt() -> None:
    users = {module_name(path) for path in FILES if any(within(name, "PyQt6") for name in imported(path))}
    assert users and all(within(name, "gesture_app.ui") for name in users)


@pytest.mark.parametrize(
    "word", ["imshow", "waitKey", "import pickle", "weights_only=False", "os.system", "shell=True"]
)
def test_never_used(word: str) -> None:
    assert not [path for path in FILES if word in path.read_text(encoding="utf-8")]


@pytest.mark.parametrize("program", ["gesture_app", "training"])
def test_help_works(program: str) -> None:
    done = subprocess.run([sys.executable, "-m", program, "--help"], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0
    assert "usage" in done.stdout.lower()


@pytest.mark.parametrize(
    ("module", "heavy"),
    [
        ("gesture_app.cli", ["torch", "numpy", "cv2", "av", "PIL", "PyQt6"]),
        ("gesture_app.settings", ["torch", "numpy", "cv2", "av", "PIL", "PyQt6"]),
        ("gesture_app.ui.main_window", ["torch", "numpy", "cv2", "av", "PIL"]),
        ("gesture_app.vision.style", ["torch", "cv2"]),
    ],
)
def test_starts_without_what_takes_its_time(module: str, heavy: list[str]) -> None:
    code = f"import {module}, sys; print([m for m in {heavy} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout) == (0, "[]\n"), done.stderr
