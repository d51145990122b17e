"""The texts of the window are ready for translation: PyQt's own tool finds all of them."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree

UI = Path(__file__).parents[1] / "gesture_app" / "ui"


def translated(module: Path) -> Iterator[tuple[int, ast.expr]]:
    """The lines and texts of all calls that translate."""
    for node in ast.walk(ast.parse(module.read_text(encoding="utf-8"))):
        if not isinstance(node, ast.Call):
            continue
        name = getattr(node.func, "attr", getattr(node.func, "id", ""))
        owner = getattr(node.func, "value", None)
        of_a_painter = name == "translate" and not (owner is None or getattr(owner, "id", "") == "QCoreApplication")
        if name in ("tr", "translate") and not of_a_painter:
            yield node.lineno, node.args[-1]


def test_every_text_is_found(tmp_path: Path) -> None:
    file = tmp_path / "texts.ts"
    modules = sorted(UI.glob("*.py"))
    command = [sys.executable, "-m", "PyQt6.lupdate.pylupdate", "--ts", str(file), *map(str, modules)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    found = {element.text for element in ElementTree.parse(file).iter("source")}  # noqa: S314  # of our own
    written = [(f"{module.name}:{line}", text) for module in modules for line, text in translated(module)]
    assert len(written) > 250
    for place, text in written:
        assert isinstance(text, ast.Constant) and text.value in found, f"{place} is not found by pylupdate6"
