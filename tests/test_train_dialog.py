"""The training dialog with a program that only talks like a training."""

from __future__ import annotations

import math
import os
import re
import sys
import threading
from pathlib import Path

import pytest
from PyQt6.QtCore import Qt
from PyQt6.QtWidgets import QDialog, QMainWindow

from gesture_app.own_models import runs_folder
from gesture_app.ui import pictures_folder, train_dialog
from gesture_app.ui.child import Child
from gesture_app.ui.curves import Curves, nice_top
from gesture_app.ui.doctor_dialog import DoctorDialog
from gesture_app.ui.settings_store import SettingsStore
from gesture_app.ui.tools import Tools
from gesture_app.ui.train_dialog import TrainDialog
from gesture_app.vision.assets import assets_folder, models_folder

TALK = """
import json, shutil, sys, time
from pathlib import Path
arguments = dict(zip(sys.argv[1::2], sys.argv[2::2]))
output = Path(sys.argv[sys.argv.index("--output") + 1])
data = Path(sys.argv[sys.argv.index("--data") + 1])
assert "--progress-json" in sys.argv
def tell(**told): print(json.dumps(told), flush=True)
def work():
    for _ in range(600): time.sleep(0.1)  # a signal between its last look and one long sleep would be slept through
def epochs(count, stage="classifier", measure="macro_f1"):
    for n in range(1, count + 1):
        tell(epoch=n, epochs=count, stage=stage, loss=1 / n, **{measure: 1 - 0.5 / n})
def finish(**told):
    output.mkdir(parents=True)
    for suffix in (".safetensors", ".json"):
        shutil.copy(Path(WEIGHTS) / ("classifier" + suffix), output)
    (output / "report.html").write_text("<p>report</p>")
    tell(done=True, report=str(output / "report.html"), installed=False, **told)
"""


def talking(code: str) -> list[str]:
    return ["-c", f"WEIGHTS = {str(assets_folder() / 'weights')!r}\n{TALK}\n{code}"]


pytestmark = pytest.mark.usefixtures("own_folder")


@pytest.fixture
def data(tmp_path) -> Path:
    folder = tmp_path / "my pictures"
    for name in ("fist", "wave"):
        (folder / name).mkdir(parents=True)
        (folder / name / "1.jpg").touch()
    return folder


@pytest.fixture
def open_dialog(qtbot):
    dialogs = []

    def make(code: str, data: Path | None = None) -> TrainDialog:
        dialog = TrainDialog(command=talking(code))
        qtbot.addWidget(dialog)
        dialog.show()
        if data is not None:
            dialog.data.set_folder(data)
        dialogs.append(dialog)
        return dialog

    yield make
    for dialog in dialogs:
        assert dialog.shutdown(1)


@pytest.fixture
def trained(open_dialog, qtbot, data):
    """A dialog once the program with this code has trained on the pictures."""

    def train(code: str) -> TrainDialog:
        dialog = open_dialog(code, data)
        dialog.start()
        qtbot.waitUntil(lambda: not dialog.running)
        return dialog

    return train


@pytest.fixture
def disk(monkeypatch):
    """Counting begins when it is asked for, and ends when the disk answers."""
    answers, asked = threading.Event(), []

    def count(folder, wanted):
        asked.append(folder.name)
        while wanted() and not answers.wait(0.01):
            pass
        return {folder.name: 1}

    monkeypatch.setattr(pictures_folder, "count_pictures", count)
    return answers, asked


def test_a_path_is_looked_for_when_it_is_typed_and_not_before(open_dialog, qtbot, tmp_path, disk):
    answers, asked = disk
    answers.set()
    dialog = open_dialog("")
    qtbot.keyClicks(dialog.data.path, str(tmp_path))
    assert dialog.data.folder() == tmp_path and asked == []
    qtbot.waitUntil(lambda: dialog.data.found.text() == f"1 pictures of 1 gestures: {tmp_path.name} 1")
    assert asked == [tmp_path.name]


def test_an_answer_about_the_path_before_is_dropped(open_dialog, qtbot, data, disk):
    answers, asked = disk
    dialog = open_dialog("")
    dialog.data.set_folder(data / "fist")
    qtbot.waitUntil(lambda: asked == ["fist"])
    assert dialog.data.found.text() == "Counting the pictures…"
    dialog.data.set_folder(data / "wave")
    qtbot.waitUntil(lambda: asked == ["fist", "wave"])
    told = []
    dialog.data._counting.found.connect(told.append)
    answers.set()
    qtbot.waitUntil(lambda: told == [{"wave": 1}])
    assert "wave 1" in dialog.data.found.text()


def test_closing_while_pictures_are_counted(open_dialog, qtbot, data, disk):
    _, asked = disk
    dialog = open_dialog("")
    dialog.data.set_folder(data)
    qtbot.waitUntil(lambda: asked == [data.name])
    dialog.close()
    assert not dialog.isVisible() and dialog.shutdown(5)


def test_a_folder_that_cannot_be_read(open_dialog, qtbot, data, monkeypatch):
    def fail(folder):
        raise PermissionError(13, "Permission denied")

    dialog = open_dialog("")
    monkeypatch.setattr(Path, "iterdir", fail)
    dialog.data.set_folder(data)
    qtbot.waitUntil(lambda: "Permission denied. Choose another folder" in dialog.data.found.text())


@pytest.mark.parametrize("typed", ["~nobody-of-this-name", "/" + "x" * 5000, "x\0y", "  "])
def test_paths_that_cannot_be(open_dialog, typed):
    dialog = open_dialog("")
    dialog.data.path.setText(typed)
    assert dialog.data.folder() is None and not dialog.train_button.isEnabled()


def test_a_long_name_can_be_that_of_a_folder(open_dialog, qtbot, data):
    dialog = open_dialog("finish(better=True)", data)
    dialog.name.setText("あ" * 300)
    dialog.start()
    qtbot.waitUntil(lambda: not dialog.running)
    assert dialog._output.is_dir()
    assert dialog._output.name.startswith("あ" * 60)


def test_an_old_error_goes_with_its_folder(trained, data, tmp_path):
    dialog = trained("print('gesture-train: error: unknown layout: x', file=sys.stderr); sys.exit(2)")
    assert dialog.state.text() == "unknown layout: x"
    dialog.data.set_folder(tmp_path)
    assert dialog.state.text() == ""


def test_a_folder_has_to_be_chosen(open_dialog, qtbot, tmp_path, data):
    dialog = open_dialog("")
    assert not dialog.train_button.isEnabled()
    dialog.data.set_folder(tmp_path / "nowhere")
    assert not dialog.train_button.isEnabled()
    qtbot.waitUntil(lambda: "no such folder" in dialog.data.found.text())
    dialog.start()
    assert not dialog.running
    dialog.data.set_folder(tmp_path)
    assert dialog.train_button.isEnabled() and dialog.data.found.text() == "", "what was said is about another folder"
    qtbot.waitUntil(lambda: "No pictures" in dialog.data.found.text())
    dialog.data.set_folder(data)
    qtbot.waitUntil(lambda: dialog.data.found.text() == "2 pictures of 2 gestures: fist 1, wave 1")
    dialog.name.setText(" ")
    assert not dialog.train_button.isEnabled()


def test_a_folder_that_has_gone_is_not_trained_on(open_dialog, data):
    dialog = open_dialog("", data)
    assert dialog.train_button.isEnabled()
    data.rename(data.with_name("elsewhere"))
    dialog.train_button.click()
    assert not dialog.running and not dialog.train_button.isEnabled()
    assert dialog.data.found.text() == "There is no such folder."


@pytest.mark.parametrize(("better", "words"), [(True, "is better than the one before"), (False, "is not better")])
def test_a_whole_training(open_dialog, qtbot, monkeypatch, data, better, words):
    code = f"epochs(3); epochs(2, 'detector', 'ap50'); finish(better={better}, macro_f1=0.91, before_macro_f1=0.8)"
    dialog = open_dialog(code, data)
    dialog.name.setText("Signs: mine")
    assert not dialog.plots.isVisible(), "there is nothing to see in them yet"
    dialog.train_button.click()
    assert dialog.running and not dialog.data.isEnabled() and "Cancel" in dialog.train_button.text()
    qtbot.waitUntil(lambda: not dialog.running)
    assert words in dialog.state.text() and "gestures named right 0.910, before 0.800" in dialog.state.text()
    assert dialog.loss.curves == {"gestures": [(1, 1), (2, 1 / 2), (3, 1 / 3)], "hands": [(1, 1), (2, 1 / 2)]}
    assert list(dialog.quality.curves) == ["gestures", "hands"] and dialog.plots.isVisible()
    assert not dialog.grab().isNull()
    opened = []
    for answer in (True, False):
        monkeypatch.setattr(train_dialog, "open_file", lambda path, answer=answer: opened.append(path.name) or answer)
        assert not dialog.state.text().startswith("Found no program")
        dialog.report_button.click()
    assert opened == ["report.html"] * 2 and dialog.state.text().startswith("Found no program that opens ")
    with qtbot.waitSignal(dialog.installed) as installed:
        dialog.install_button.click()
    assert installed.args[0] == models_folder() / "Signs mine"
    assert {path.name for path in installed.args[0].glob("*.safetensors")} >= {
        "classifier.safetensors",
        "detector.safetensors",
    }
    assert not dialog.install_button.isEnabled() and "Signs mine" in dialog.state.text()


BOTH = """
output.mkdir(parents=True)
for name in ("classifier", "detector"):
    shutil.copy(Path(WEIGHTS) / (name + ".safetensors"), output)
    info = (Path(WEIGHTS) / (name + ".json")).read_text()
    (output / (name + ".json")).write_text(info.replace('"metrics": {', '"metrics": {"own": 1,'))
figures = {"macro_f1": 0.8, "before_macro_f1": 0.9, "ap50": 0.7, "before_ap50": AP50}
tell(done=True, better=BETTER, improved=["detector"] if BETTER else [], **figures)
"""


@pytest.mark.parametrize(("told", "words", "not_said"), [
    ("better=True, macro_f1=0.91, named=0.5, needed=0.6",
     ["model is good enough", "named right 50 %, needed 60 %"], ["before", "seldom"]),
    ("better=False, macro_f1=0.91, named=0.5, needed=0.6, before_macro_f1=0.91",
     ["is not good enough", "named right 50 %, needed 60 %", "before 0.910"], ["seldom"]),
    ("better=False, as_good=True, macro_f1=1.0, before_macro_f1=1.0",
     ["Done: on your pictures the new model is as good as the one before (gestures named right 1.000, before 1.000)."],
     []),
    ("better=False, macro_f1=0.7, named=0.75, needed=0.6, weak={'wave {1}': 0.0, 'ok': 0.4}",
     ["Too seldom named right: wave {1} 0 %, ok 40 %. More pictures of these"], []),
    ("better=False, macro_f1=1.0, named=1.0, needed=0.7, kept=0.08, forgets=True",
     ["wrong names to hands that your pictures do not show", "other hands named as before 8 %"], []),
])  # fmt: skip
def test_what_is_told_of_the_new_model(trained, told, words, not_said):
    dialog = trained(f"finish({told})")
    said = dialog.state.text()
    assert [word for word in words if word not in said] == [word for word in not_said if word in said] == []
    assert dialog.waiting and dialog.install_button.isDefault() is ("better=True" in told)


@pytest.mark.parametrize(("before_ap50", "installed"), [(0.6, ["detector"]), (0.9, ["classifier", "detector"])])
def test_a_network_that_is_worse_is_used_only_where_none_is_better(trained, qtbot, before_ap50, installed):
    dialog = trained(f"BETTER, AP50 = {before_ap50 < 0.7}, {before_ap50}\n{BOTH}")
    assert (
        f"(gestures named right 0.800, before 0.900; hands found 0.700, before {before_ap50:.3f})"
        in dialog.state.text()
    )
    assert dialog.waiting
    with qtbot.waitSignal(dialog.installed) as told:
        dialog.install_button.click()
    assert [k for k in ("classifier", "detector") if '"own"' in (told.args[0] / f"{k}.json").read_text()] == installed
    assert not dialog.waiting


def test_what_is_to_be_known_of_the_pictures_is_shown_until_the_next_training(open_dialog, qtbot, data):
    code = "tell(notes=['wave looks like palm']) if (data / 'wave').exists() else None; epochs(1); finish(better=True)"
    dialog = open_dialog(code, data)
    assert not dialog.notes.isVisible()
    dialog.start()
    qtbot.waitUntil(lambda: not dialog.running)
    assert dialog.notes.isVisible() and dialog.notes.text() == "wave looks like palm"
    qtbot.waitUntil(lambda: "2 pictures" in dialog.data.found.text())
    (data / "wave" / "1.jpg").unlink()
    (data / "wave").rmdir()
    dialog.start()
    assert not dialog.notes.isVisible()
    qtbot.waitUntil(lambda: dialog.data.found.text() == "1 pictures of 1 gestures: fist 1")
    qtbot.waitUntil(lambda: not dialog.running)
    assert not dialog.notes.isVisible()


def test_a_training_in_the_background_comes_back_when_it_has_ended(qtbot, monkeypatch, data, tmp_path):
    code = "epochs(1); time.sleep(1); finish(better=True, macro_f1=0.91, before_macro_f1=0.8)"
    monkeypatch.setattr(train_dialog, "COMMAND", talking(code))
    monkeypatch.setattr(TrainDialog.__init__, "__defaults__", (None, None, talking(code)))
    window = QMainWindow()
    qtbot.addWidget(window)
    window.show()
    tools = Tools(window, lambda choice: None, SettingsStore(tmp_path / "settings.json"))
    tools.train()
    dialog = window.findChild(TrainDialog)
    dialog.data.set_folder(data)
    dialog.start()
    _, button = tools.buttons
    assert not button.isVisible()
    QDialog.reject(dialog)
    assert not dialog.isVisible() and tools.running
    assert button.isVisible() and button.text() == "Training…"
    qtbot.waitUntil(lambda: button.text() == "Training: gestures 1/1")
    qtbot.waitUntil(lambda: not tools.running)
    qtbot.waitUntil(dialog.isVisible)
    assert not button.isVisible()
    dialog.close()
    tools.train()
    assert dialog.isVisible() and dialog.install_button.isEnabled(), "the same dialog, with its model"
    dialog.install_button.click()
    dialog.close()
    tools.train()
    assert not dialog.isVisible() and len(window.findChildren(TrainDialog)) == 2
    assert tools.shutdown(5)


def test_progress_and_time_left(open_dialog, qtbot, data):
    dialog = open_dialog(
        "tell(epoch=1, epochs=500, stage='classifier', loss=2, macro_f1=0.1); time.sleep(0.2);"
        "tell(epoch=2, epochs=500, stage='classifier', loss=2, macro_f1=0.1); time.sleep(60)",
        data,
    )
    states = []
    dialog._child.told.connect(lambda _told: states.append(dialog.state.text()))
    dialog.start()
    qtbot.waitUntil(lambda: len(states) == 2)
    assert states[0] == "Learning gestures: round 1 of 500", (
        "what came before the first epoch tells nothing of the others"
    )
    assert re.fullmatch(r"Learning gestures: round 2 of 500, about (a minute|\d+ minutes) left", states[1])
    assert (dialog.progress_bar.value(), dialog.progress_bar.maximum()) == (2, 500)


def test_progress_before_the_first_epoch(open_dialog, qtbot, data):
    looks = "tell(looked_at=3, pictures=4); time.sleep(0.1); tell(looked_at=4, pictures=4); time.sleep(60)"
    dialog = open_dialog(looks, data)
    seen = []
    dialog._child.told.connect(lambda _: seen.append((dialog.state.text(), dialog.progress_bar.maximum())))
    dialog.start()
    qtbot.waitUntil(lambda: len(seen) == 2)
    assert seen == [("Finding the hands: picture 3 of 4", 4), ("Preparing the training…", 0)]
    assert dialog.work_text == "Training…"


SAVE = "try: epochs(1); work()\nexcept KeyboardInterrupt: print('saved'); sys.exit(130)"


@pytest.mark.skipif(sys.platform == "win32", reason="sends POSIX signals")
def test_cancel(open_dialog, qtbot, data):
    dialog = open_dialog(SAVE, data)
    dialog.start()
    qtbot.waitUntil(lambda: "round 1" in dialog.state.text())
    dialog.train_button.click()
    assert not dialog.train_button.isEnabled()
    qtbot.waitUntil(lambda: not dialog.running)
    assert dialog.state.text().startswith("Stopped.") and "saved" in dialog.log.toPlainText()
    qtbot.keyClick(dialog.log, Qt.Key.Key_Home, Qt.KeyboardModifier.ControlModifier)
    qtbot.keyClick(dialog.log, Qt.Key.Key_Right, Qt.KeyboardModifier.ShiftModifier)
    assert dialog.log.textCursor().selectedText(), "it can be walked through by keys"
    assert not dialog.install_button.isEnabled() and dialog.train_button.isEnabled()


RESUME = """
assert "--base" not in sys.argv, "the model that comes with the program is trained further"
print("keep" if "--keep" in sys.argv else "only own", output, flush=True)
first = not output.exists()
(output / "classifier").mkdir(parents=True, exist_ok=True)
(output / "classifier" / "last.pt").touch()
try:
    epochs(1)
    if first: work()
except KeyboardInterrupt: sys.exit(130)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="sends POSIX signals")
def test_a_stopped_training_goes_on_unless_something_else_is_asked_for(open_dialog, qtbot, data):
    left = runs_folder() / "long ago" / "classifier" / "last.pt"
    left.parent.mkdir(parents=True)
    left.touch()
    os.utime(left, (0, 0))
    dialog = open_dialog(RESUME, data)
    said, found = [], []
    dialog._child.said.connect(said.append)
    for keep in (True, True, False):
        dialog.keep.setChecked(keep)
        dialog.start()
        found.append(len(list(runs_folder().glob("*/classifier/last.pt"))))
        qtbot.waitUntil(lambda: "round 1" in dialog.state.text() or not dialog.running)
        dialog.cancel()
        qtbot.waitUntil(lambda: not dialog.running)
    outputs = [Path(line.partition(" /")[2]) for line in said]
    assert [line.partition(" /")[0] for line in said] == ["keep", "keep", "only own"]
    assert outputs[0] == outputs[1] != outputs[2]
    assert found == [0, 1, 1], "what is not gone on with takes no room, but another window may be at work on a new one"


@pytest.mark.parametrize(("code", "goes_on"), [
    ("sys.exit(3)", True),  # a full disk, say
    pytest.param("import os; os.kill(os.getpid(), 9)", True,
                 marks=pytest.mark.skipif(sys.platform == "win32", reason="sends POSIX signals")),
    ("sys.exit(2)", False),
    ("raise ValueError('a bug')", False),
    ("finish(better=True)", False),
])  # fmt: skip
def test_a_training_that_the_machine_ended_goes_on(trained, qtbot, code, goes_on):
    dialog = trained(code if "finish" in code else f"output.mkdir(parents=True, exist_ok=True); {code}")
    before = dialog._output
    dialog.start()
    assert (dialog._output == before) is goes_on
    qtbot.waitUntil(lambda: not dialog.running)


def test_the_model_in_use_is_trained_further(qtbot, data):
    code = "print('base', sys.argv[sys.argv.index('--base') + 1], flush=True); finish(better=True)"
    in_use, used = [data / "used"], []
    dialog = TrainDialog(lambda: in_use[-1], command=talking(code))
    dialog.installed.connect(in_use.append)
    qtbot.addWidget(dialog)
    dialog._child.said.connect(used.append)
    dialog.data.set_folder(data)
    for _ in range(2):  # then the one that has just been installed
        dialog.start()
        qtbot.waitUntil(lambda: not dialog.running)
        dialog.install_button.click()
    assert used == [f"base {data / 'used'}", f"base {models_folder() / 'My gestures'}"]
    assert dialog.shutdown(5)


@pytest.mark.parametrize(("code", "told", "details"), [
    ("print('gesture-train: error: data: x: no pictures. Add some', file=sys.stderr); sys.exit(2)",
     "data: x: no pictures. Add some", False),
    ("print('gesture-train: error: disk: full', file=sys.stderr); sys.exit(3)", "disk: full", False),
    ("raise ValueError('a bug')", "ValueError: a bug", True),
    pytest.param(
        "print('48 pictures', file=sys.stderr, flush=True); import os; os.kill(os.getpid(), 9)",
        "The system ended it, perhaps for want of memory. Close other programs first", True,
        marks=pytest.mark.skipif(sys.platform == "win32", reason="sends POSIX signals")),
    ("sys.exit(0)", "exit code 0", True),
])  # fmt: skip
def test_failures(trained, code, told, details):
    dialog = trained(code)
    assert dialog.state.text() == told
    assert dialog.log.isVisible() is details and not dialog.install_button.isEnabled()


def test_a_program_that_cannot_start_is_told_at_once(open_dialog, data, monkeypatch):
    monkeypatch.setattr(Child, "start", lambda child, arguments: child.ended.emit(-1))
    dialog = open_dialog("", data)
    dialog.start()
    assert dialog.state.text() == "exit code -1" and dialog.progress_bar.maximum() == 1
    check = DoctorDialog(lambda: data, str, dialog)
    assert "exit code -1" in check.summary.text() and check.busy.isHidden()


@pytest.mark.skipif(sys.platform == "win32", reason="sends POSIX signals")
@pytest.mark.parametrize(("button", "visible", "running"), [
    ("Stop", False, False), ("background", False, True), ("Back", True, True),
])  # fmt: skip
def test_closing_while_training_asks(open_dialog, qtbot, data, button, visible, running):
    dialog = open_dialog(SAVE, data)
    dialog.start()
    qtbot.waitUntil(lambda: "round 1" in dialog.state.text())
    dialog.close()
    assert dialog.isVisible()
    next(b for b in dialog._question.buttons() if button in b.text()).click()
    qtbot.waitUntil(lambda: (dialog.isVisible(), dialog.running) == (visible, running))


def test_weights_that_cannot_be_installed(trained):
    dialog = trained("finish(better=True); (output / 'classifier.safetensors').write_text('x')")
    dialog.install_button.click()
    assert "sha256" in dialog.state.text() and dialog.install_button.isEnabled()


def test_a_training_that_begins_anew_draws_its_curve_anew(qtbot):
    curves = Curves("Loss")
    qtbot.addWidget(curves)
    for epoch, value in ((1, 0.9), (2, 0.8), (1, 0.7), (2, 0.6)):
        curves.add("classifier", epoch, 3, value)
    assert curves.curves == {"classifier": [(1, 0.7), (2, 0.6)]}


@pytest.mark.parametrize("values", [[], [0.5], [1.0, math.nan, math.inf, 0.2], [-1.0, 1e9]])
@pytest.mark.parametrize("size", [1, 30, 400])
def test_curves_paint_anything(qtbot, values, size):
    curves = Curves("Loss")
    qtbot.addWidget(curves)
    curves.resize(size, size)
    for epoch, value in enumerate(values, 1):
        curves.add("a", epoch, 3, value)
    assert not curves.grab().isNull()
    assert all(math.isfinite(value) for points in curves.curves.values() for _, value in points)
    curves.clear()
    assert curves.curves == {}


@pytest.mark.parametrize(("value", "top"), [(0, 1), (-1, 1), (0.3, 0.4), (1, 1), (1.01, 2), (4.4, 5), (51, 100)])
def test_axes_end_at_round_numbers(value, top):
    assert nice_top(value) == pytest.approx(top)
