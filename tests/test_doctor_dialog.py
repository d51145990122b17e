"""The doctor's page in the window, and the process behind it."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

import pytest
from PyQt6.QtCore import Qt
from PyQt6.QtGui import QGuiApplication

from gesture_app.ui.child import Child
from gesture_app.ui.doctor_dialog import DoctorDialog

WEIGHTS = Path("my model")
GOOD = {"topic": "codecs", "state": "good", "text": "H.264 <works>", "mend": ""}
NOTE = {"topic": "cameras", "state": "note", "text": "none found", "mend": "Connect one"}
BAD = {"topic": "weights", "state": "bad", "text": "damaged", "mend": "Copy them again"}


def program(code: str) -> list[str]:
    return ["-c", code]


def telling(*rows: dict[str, str], code: int = 0) -> list[str]:
    lines = "".join(f"print({json.dumps(row)!r});" for row in rows)
    return program(f"import sys; {lines} print('a word', file=sys.stderr); sys.exit({code})")


@pytest.mark.parametrize(("rows", "code", "summary"), [
    ([GOOD], 0, "All is well."),
    ([GOOD, NOTE], 0, "All that is needed is there."),
    ([GOOD, NOTE, BAD], 3, "Something is wrong."),
    ([], 0, "did not come to its end: a word"),
    ([GOOD], 1, "did not come to its end: a word"),
])  # fmt: skip
def test_pages(qtbot, rows, code, summary):
    dialog = DoctorDialog(lambda: WEIGHTS, str, command=telling(*rows, code=code))
    qtbot.addWidget(dialog)
    dialog.show()
    assert dialog.running and dialog.busy.isVisible() and not dialog.again_button.isEnabled()
    qtbot.waitUntil(lambda: not dialog.running)
    assert summary in dialog.summary.text()
    assert dialog.findings == rows and not dialog.busy.isVisible() and dialog.again_button.isEnabled()
    page = dialog.page.toPlainText()
    assert all(row["text"] in page and row["mend"] in page for row in rows)
    qtbot.keyClick(dialog.page, Qt.Key.Key_Home, Qt.KeyboardModifier.ControlModifier)
    qtbot.keyClick(dialog.page, Qt.Key.Key_Right, Qt.KeyboardModifier.ShiftModifier)
    assert bool(dialog.page.textCursor().selectedText()) is bool(rows), "it can be walked through by keys"
    dialog.copy()
    assert ("[good] codecs: H.264 <works>" in QGuiApplication.clipboard().text()) is bool(rows)
    assert ("-> Connect one" in dialog.text()) is (NOTE in rows)


def test_again_and_arguments(qtbot):
    echo = program(
        "import json, sys; print(json.dumps(dict(topic='x', state='good', text=str(sys.argv[1:]), mend='')))"
    )
    weights, cameras = ["my model", "another"], ["2", ""]
    dialog = DoctorDialog(lambda: Path(weights.pop(0)), lambda: cameras.pop(0), command=echo)
    qtbot.addWidget(dialog)
    qtbot.waitUntil(lambda: not dialog.running)
    assert dialog.findings[0]["text"] == str(["--weights", "my model", "--camera-in-use", "2"])
    dialog.again_button.click()
    assert dialog.running and dialog.findings == []
    qtbot.waitUntil(lambda: not dialog.running)
    assert [finding["text"] for finding in dialog.findings] == [str(["--weights", "another"])], "as it is now"


def test_closing_ends_the_process(qtbot):
    dialog = DoctorDialog(lambda: WEIGHTS, str, command=program("import time; time.sleep(60)"))
    qtbot.addWidget(dialog)
    dialog.show()
    dialog.reject()
    qtbot.waitUntil(lambda: not dialog.running)
    assert dialog.shutdown(0.1)


def test_the_end_of_the_program_does_not_wait_for_the_check(qtbot):
    deaf = "import signal, time; signal.signal(signal.SIGINT, signal.SIG_IGN)"
    busy = f"{deaf}; print({json.dumps(GOOD)!r}); time.sleep(60)"
    dialog = DoctorDialog(lambda: WEIGHTS, str, command=program(busy))
    qtbot.addWidget(dialog)
    qtbot.waitUntil(lambda: dialog.findings == [GOOD])
    began_s = time.monotonic()
    assert dialog.shutdown(5.0) and time.monotonic() - began_s < 1.0


@pytest.fixture
def child(qtbot):
    made = Child()
    yield made
    assert made.shutdown(1)


def test_lines_of_a_child(qtbot, child):
    told, said = [], []
    child.told.connect(told.append)
    child.said.connect(said.append)
    code = r"""
import sys
sys.stdout.buffer.write('{"a": 1}\nplain\n{not json}\n\nbar 1\rbar 2\r\n{"é": "last"}'.encode())
sys.stderr.buffer.write(b"warn\xff\nno end")
sys.exit(2)
"""
    with qtbot.waitSignal(child.ended) as ended:
        child.start(program(code))
        child.start(program("raise SystemExit(9)"))
    assert ended.args == [2] and told == [{"a": 1}, {"é": "last"}]
    assert sorted(said) == sorted(["plain", "{not json}", "bar 2", "warn�", "no end"])
    assert child.errors == ["warn�", "no end"] and not child.running


def test_a_program_that_is_not_there(qtbot, child):
    with qtbot.waitSignal(child.ended) as ended:
        child.start([], "/no/such/program")
    assert ended.args == [-1] and child.errors and not child.running


@pytest.mark.skipif(sys.platform == "win32", reason="sends POSIX signals")
def test_interrupt_lets_it_save(qtbot, child):
    code = """
import time
print("ready")
try:
    for _ in range(600): time.sleep(0.1)
except KeyboardInterrupt: print("saved"); raise SystemExit(130)
"""
    said = []
    child.said.connect(said.append)
    child.start(program(code))
    qtbot.waitUntil(lambda: said == ["ready"])
    with qtbot.waitSignal(child.ended) as ended:
        child.interrupt()
    assert ended.args == [130] and said == ["ready", "saved"]


def test_shutdown_kills_what_does_not_end(qtbot, child):
    said = []
    child.said.connect(said.append)
    child.start(program("import signal, time; signal.signal(2, signal.SIG_IGN); print('deaf'); time.sleep(60)"))
    qtbot.waitUntil(lambda: said == ["deaf"])
    started = time.monotonic()
    assert child.shutdown(0.3)
    assert time.monotonic() - started < 20 and not child.running
