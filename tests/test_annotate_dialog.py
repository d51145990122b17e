"""Real files through the dialog, with a recognizer that is a function."""

from __future__ import annotations

import threading
import time
from pathlib import Path

import pytest
from fakes import FakeRecognizer
from media import INDEX_FIRST, REGULAR, cut_off, picture, regular, video_pts_s, write_video
from PyQt6.QtCore import QMimeData, QPointF, Qt, QUrl
from PyQt6.QtGui import QDropEvent
from PyQt6.QtWidgets import QFileDialog, QWidget

import gesture_app.annotate  # noqa: F401  # brings torch, whose import takes more time than a test may wait
from gesture_app.errors import InputError
from gesture_app.ui import annotate_dialog, file_list
from gesture_app.ui.annotate_dialog import AnnotateDialog
from gesture_app.ui.annotating import Annotating, Effort, Outcome, State, Step, plan_tasks
from gesture_app.video import sources
from gesture_app.video.files import VideoFile, open_video
from gesture_app.video.sinks import write_image
from gesture_app.vision.hands import RecognizerOptions

OPTIONS = RecognizerOptions(0.31, 0.62, 3)


@pytest.fixture
def open_dialog(qtbot):
    dialogs = []

    def make(load=FakeRecognizer) -> AnnotateDialog:
        dialog = AnnotateDialog(load, lambda: OPTIONS)
        qtbot.addWidget(dialog)
        dialog.show()
        dialogs.append(dialog)
        return dialog

    yield make
    for dialog in dialogs:
        assert dialog.shutdown(5)


def add(qtbot, dialog: AnnotateDialog, *paths: Path) -> None:
    """Files, and what is found in folders."""
    dialog.add_files(paths)
    qtbot.waitUntil(lambda: not dialog.list.search.running)


def run(qtbot, dialog: AnnotateDialog) -> None:
    dialog.start()
    qtbot.waitUntil(lambda: not dialog.running)


def states(dialog: AnnotateDialog) -> list[State]:
    return [dialog.list.outcome(row).state for row in dialog.list.rows()]


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_no_file_is_opened_any_more_once_it_is_cancelled(qapp, tmp_path, monkeypatch):
    opened, ended = [], []

    def open_and_cancel(path: Path) -> VideoFile:
        opened.append(path.name)
        work.cancel()
        return open_video(path)

    monkeypatch.setattr(sources, "open_video", open_and_cancel)
    files = [write_video(tmp_path / f"{name}.mp4") for name in "abc"]
    work = Annotating(plan_tasks(files, None, True, True), FakeRecognizer, OPTIONS)
    work.ended.connect(lambda _number, outcome: ended.append(outcome.state))
    work.run()
    assert opened == ["a.mp4"] and ended == [State.STOPPED] * 3


def test_nothing_to_do(open_dialog):
    dialog = open_dialog()
    assert not dialog.start_button.isEnabled() and not dialog.open_button.isEnabled()
    dialog.start()
    assert not dialog.running
    assert dialog.shutdown(0)
    dialog.reject()
    assert not dialog.isVisible()


def test_several_files(open_dialog, qtbot, tmp_path, monkeypatch):
    clip = write_video(tmp_path / "a.mp4", REGULAR)
    write_image(tmp_path / "b.png", picture(0))
    (tmp_path / "c.mp4").write_text("not a video")
    recognizer = FakeRecognizer()
    dialog = open_dialog(lambda: recognizer)
    dialog.table.setChecked(True)
    add(qtbot, dialog, tmp_path, clip)
    assert states(dialog) == [State.WAITING] * 3, "each file once"
    qtbot.mouseClick(dialog.start_button, Qt.MouseButton.LeftButton)
    assert dialog.running and not dialog.add_button.isEnabled()
    qtbot.waitUntil(lambda: not dialog.running)
    assert states(dialog) == [State.DONE, State.DONE, State.FAILED]
    assert recognizer.options == OPTIONS
    assert names(tmp_path) == [
        "a-annotated.mp4", "a-hands.jsonl", "a.mp4", "b-annotated.png", "b-hands.jsonl", "b.png", "c.mp4",
    ]  # fmt: skip
    assert len(video_pts_s(tmp_path / "a-annotated.mp4")) == len(REGULAR)
    assert (
        dialog.progress_label.text().startswith("2 of 3 files are done. ") and "c.mp4" in dialog.progress_label.text()
    )
    assert dialog.progress_bar.value() == dialog.progress_bar.maximum() == 3, "all is over, well or not"
    opened = []
    monkeypatch.setattr(annotate_dialog, "open_file", lambda path: opened.append(path) or True)
    monkeypatch.setattr(annotate_dialog, "show_in_folder", lambda path: opened.append(path) or False)
    dialog.open_button.click()
    assert not dialog.progress_label.text().startswith("Found no program")
    dialog.show_button.click()
    assert opened == [tmp_path / "a-annotated.mp4"] * 2, "the first result is selected"
    assert dialog.progress_label.text() == f"Found no program that opens {tmp_path / 'a-annotated.mp4'}"


def test_enter_opens_a_result_and_starts_nothing(open_dialog, qtbot, tmp_path, monkeypatch):
    opened: list[Path] = []
    monkeypatch.setattr(annotate_dialog, "open_file", lambda path: opened.append(path) or True)
    dialog = open_dialog()
    dialog.add_files([tmp_path / "done.mp4", tmp_path / "waiting.mp4"])
    done, waiting = dialog.list.rows()
    dialog.list.show_outcome([done], Outcome(State.DONE, tmp_path / "done-annotated.mp4"))
    dialog.list.setCurrentItem(done)
    qtbot.keyClick(dialog.list, Qt.Key.Key_Return)
    assert opened == [tmp_path / "done-annotated.mp4"] and not dialog.running
    dialog.list.setCurrentItem(waiting)
    qtbot.keyClick(dialog.list, Qt.Key.Key_Return)
    assert dialog.running, "there is nothing to open, and Enter presses the button for it"
    qtbot.waitUntil(lambda: not dialog.running)


def test_a_file_that_is_cut_off_is_done_with_a_note(open_dialog, qtbot, tmp_path):
    cut_off(write_video(tmp_path / "a.mp4", regular(90), INDEX_FIRST))
    write_video(tmp_path / "b.mp4", REGULAR)
    dialog = open_dialog()
    add(qtbot, dialog, tmp_path)
    run(qtbot, dialog)
    cut, whole = dialog.list.rows()
    assert (cut.text(1), whole.text(1)) == ("done, with a note", "done")
    assert "cut off or damaged" in cut.toolTip(1) and "cut off or damaged" in dialog.progress_label.text()
    assert cut.toolTip(0) == cut.toolTip(1)


def test_of_the_selected_file_it_is_told_why_it_failed(open_dialog, qtbot, tmp_path):
    for name in ("a.mp4", "sub/b.mp4"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("not a video")
    write_image(tmp_path / "c.png", picture(0))
    dialog = open_dialog()
    add(qtbot, dialog, tmp_path)
    run(qtbot, dialog)
    of_all = dialog.progress_label.text()
    failed, done, failed_too = dialog.list.rows()
    assert [row.text(0) for row in (failed, done, failed_too)] == ["a.mp4", "c.png", str(Path("sub") / "b.mp4")]
    for row in (failed_too, failed, done):
        dialog.list.setCurrentItem(row)
        assert dialog.progress_label.text() == (of_all if row is done else dialog.list.outcome(row).text) != ""


def test_done_files_are_not_done_again_and_no_result_is_replaced(open_dialog, qtbot, tmp_path):
    clip = write_video(tmp_path / "a.mp4", REGULAR[:2])
    for _ in range(2):
        dialog = open_dialog()
        dialog.add_files([clip])
        run(qtbot, dialog)
    assert names(tmp_path) == ["a-annotated 2.mp4", "a-annotated.mp4", "a.mp4"]
    assert not dialog.start_button.isEnabled()
    dialog.add_files([write_video(tmp_path / "b.mp4", REGULAR[:2])])
    run(qtbot, dialog)
    assert states(dialog) == [State.DONE, State.DONE]
    assert "a-annotated 3.mp4" not in names(tmp_path)


def test_a_folder_for_the_results(open_dialog, qtbot, tmp_path):
    clips = [
        write_video(tmp_path / folder / "a.mp4", REGULAR[:2])
        for folder in ("x", "y")
        if not (tmp_path / folder).mkdir()
    ]
    dialog = open_dialog()
    dialog.add_files(clips)
    dialog.set_folder(tmp_path / "other")
    dialog.set_folder(tmp_path / "results")
    assert dialog.place.count() == 3
    run(qtbot, dialog)
    assert names(tmp_path / "results") == ["a-annotated 2.mp4", "a-annotated.mp4"]
    assert not (tmp_path / "other").exists()


def test_a_folder_that_is_not_chosen_after_all_changes_nothing(open_dialog, qtbot, tmp_path, monkeypatch):
    dialog = open_dialog()
    dialog.add_files([write_video(tmp_path / "a.mp4", REGULAR[:2])])
    dialog.set_folder(tmp_path / "results")
    run(qtbot, dialog)
    for chosen in ("", str(tmp_path / "results")):
        monkeypatch.setattr(QFileDialog, "getExistingDirectory", lambda *_, chosen=chosen: chosen)
        dialog.place.setCurrentIndex(dialog.place.count() - 1)
        dialog.place.activated.emit(dialog.place.currentIndex())
        assert dialog.place.currentData() == tmp_path / "results" and states(dialog) == [State.DONE]
    dialog.place.setCurrentIndex(0)
    dialog.place.activated.emit(0)
    assert states(dialog) == [State.WAITING]


class Slow(FakeRecognizer):
    """Waits at the frame of this number."""

    def __init__(self, stop_at: int) -> None:
        super().__init__()
        self.calls = 0
        self.stop_at = stop_at
        self.reached = threading.Event()
        self.go_on = threading.Event()

    def __call__(self, image, options=None):
        self.calls += 1
        if self.calls == self.stop_at:
            self.reached.set()
            self.go_on.wait(10)
        return super().__call__(image, options)


def test_cancel_keeps_a_part_that_plays(open_dialog, qtbot, tmp_path):
    clips = [write_video(tmp_path / f"{name}.mp4", REGULAR) for name in "ab"]
    slow = Slow(stop_at=8)
    dialog = open_dialog(lambda: slow)
    dialog.add_files(clips)
    dialog.start()
    qtbot.waitUntil(slow.reached.is_set)
    qtbot.waitUntil(lambda: "frame" in dialog.list.rows()[0].text(1))
    assert dialog.progress_bar.maximum() == 2 * len(REGULAR)
    dialog.start_button.click()
    assert not dialog.start_button.isEnabled()
    slow.go_on.set()
    qtbot.waitUntil(lambda: not dialog.running)
    assert states(dialog) == [State.PARTIAL, State.STOPPED]
    kept = dialog.list.outcome(dialog.list.rows()[0]).result
    assert kept == tmp_path / "a-annotated.partial.mp4"
    assert len(video_pts_s(kept)) >= 1  # what waited for the encoder is let go
    assert names(tmp_path) == ["a-annotated.partial.mp4", "a.mp4", "b.mp4"]
    run(qtbot, dialog)
    assert states(dialog) == [State.DONE, State.DONE]
    assert kept.exists() and (tmp_path / "a-annotated 2.mp4").exists()


@pytest.mark.parametrize(("button", "visible", "state"), [
    ("Stop", False, State.PARTIAL), ("background", False, State.DONE), ("Back", True, State.DONE),
])  # fmt: skip
def test_closing_while_running_asks(open_dialog, qtbot, tmp_path, button, visible, state):
    slow = Slow(stop_at=3)
    dialog = open_dialog(lambda: slow)
    dialog.add_files([write_video(tmp_path / "a.mp4", REGULAR)])
    dialog.start()
    qtbot.waitUntil(slow.reached.is_set)
    dialog.close()
    dialog.reject()
    assert dialog.isVisible()
    next(b for b in dialog._question.buttons() if button in b.text()).click()
    qtbot.waitUntil(lambda: dialog.isVisible() is visible)
    slow.go_on.set()
    qtbot.waitUntil(lambda: not dialog.running)
    assert states(dialog) == [state]


def test_shutdown_ends_soon(open_dialog, qtbot, tmp_path):
    slow = Slow(stop_at=3)
    dialog = open_dialog(lambda: slow)
    dialog.add_files([write_video(tmp_path / "a.mp4", REGULAR)])
    dialog.start()
    qtbot.waitUntil(slow.reached.is_set)
    assert not dialog.shutdown(0.05)
    slow.go_on.set()
    started = time.monotonic()
    assert dialog.shutdown(30)
    assert time.monotonic() - started < 10
    assert (tmp_path / "a-annotated.partial.mp4").exists()


def test_nobody_waits_long_for_networks_that_load(open_dialog, qtbot, tmp_path):
    go_on = threading.Event()
    dialog = open_dialog(lambda: FakeRecognizer() if go_on.wait(10) else None)
    dialog.add_files([write_video(tmp_path / "a.mp4", REGULAR[:1])])
    dialog.start()
    started = time.monotonic()
    assert not dialog.shutdown(5)
    assert time.monotonic() - started < 2
    go_on.set()
    qtbot.waitUntil(lambda: not dialog.running)
    assert states(dialog) == [State.STOPPED]


def test_every_part_has_its_place_in_the_dialog(open_dialog):
    dialog = open_dialog()
    parts = {name: part for name, part in vars(dialog).items() if isinstance(part, QWidget)}
    assert {"hint", "list", "remove_button", "show_button", "place", "table", "progress_bar"} <= parts.keys()
    assert not [name for name, part in parts.items() if not part.isVisible() or not dialog.isAncestorOf(part)]


def test_how_far_all_files_are(open_dialog):
    dialog = open_dialog()
    for whole, done, text in ((0, 0, "Annotating…"), (8, 2, "Annotating 25 %"), (3, 2, "Annotating 66 %")):
        dialog.progress_bar.setRange(0, whole)
        dialog.progress_bar.setValue(done)
        assert dialog.work_text == text


def test_it_tells_that_networks_load_until_they_have(open_dialog, qtbot, tmp_path):
    slow, loaded = Slow(stop_at=1), threading.Event()
    dialog = open_dialog(lambda: slow if loaded.wait(10) else None)
    dialog.add_files([write_video(tmp_path / "a.mp4", REGULAR[:3])])
    dialog.start()
    assert dialog.progress_label.text() == "Loading models…"
    loaded.set()
    qtbot.waitUntil(slow.reached.is_set)
    qtbot.waitUntil(lambda: dialog.progress_label.text() == "")
    slow.go_on.set()
    qtbot.waitUntil(lambda: not dialog.running)


def test_weights_that_cannot_be_used(open_dialog, qtbot, tmp_path):
    def load():
        raise InputError("weights: x: no such folder. Give another")

    dialog = open_dialog(load)
    dialog.add_files([write_video(tmp_path / "a.mp4", REGULAR[:1])])
    run(qtbot, dialog)
    assert dialog.progress_label.text() == "weights: x: no such folder. Give another"
    assert dialog.start_button.isEnabled()


def test_dropping_and_deleting(open_dialog, qtbot, tmp_path):
    dialog = open_dialog()
    for name in ("b.mp4", "a.png", ".hidden.png", "note.txt"):
        (tmp_path / name).touch()
    mime = QMimeData()
    mime.setUrls([QUrl.fromLocalFile(str(tmp_path)), QUrl("http://host/x.mp4")])
    actions = Qt.DropAction.MoveAction | Qt.DropAction.CopyAction
    event = QDropEvent(QPointF(5, 5), actions, mime, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier)
    dialog.list.dropEvent(event)
    assert event.dropAction() is Qt.DropAction.CopyAction, "else the files may be deleted"
    qtbot.waitUntil(lambda: not dialog.list.search.running)
    assert [row.text(0) for row in dialog.list.rows()] == ["a.png", "b.mp4"]
    dialog.list.rows()[0].setSelected(True)
    qtbot.keyClick(dialog.list, Qt.Key.Key_Delete)
    assert [row.text(0) for row in dialog.list.rows()] == ["b.mp4"]
    dialog.media.setChecked(False)
    assert not dialog.start_button.isEnabled(), "nothing would be written"


def test_of_many_files_at_once_is_told_once(open_dialog, qtbot, tmp_path):
    dialog = open_dialog()
    changes = []
    dialog.list.changed.connect(lambda: changes.append(dialog.list.topLevelItemCount()))
    dialog.add_files(tmp_path / f"{number}.mp4" for number in range(1000))
    dialog.start()
    assert changes == [1000] * 2, "added, and waiting"
    dialog.cancel()
    qtbot.waitUntil(lambda: not dialog.running)
    dialog.list.clearSelection()
    dialog.list.selectAll()
    changes.clear()
    dialog.list.remove_selected()
    assert changes == [0] and not dialog.remove_button.isEnabled() and not dialog.start_button.isEnabled()


@pytest.mark.parametrize(
    ("pictures", "frames", "left_s"),
    [
        ((0, 0, 0.0), (1, 10, 1.0), None),
        ((0, 0, 0.0), (5, 20, 1.0), 3.0),
        ((0, 0, 0.0), (9, 0, 1.0), None),  # files that do not tell their length
        ((0, 0, 0.0), (10, 10, 2.0), 0.0),
        ((2, 4, 10.0), (0, 0, 0.0), 10.0),
        ((2, 4, 10.0), (0, 100, 0.0), None),  # nobody knows yet how long a frame takes
        ((4, 4, 20.0), (10, 100, 1.0), 9.0),
        ((2, 4, 10.0), (10, 100, 1.0), 19.0),
    ],
)
def test_time_left(pictures, frames, left_s):
    step = Step(1, 1, Effort(*pictures), Effort(*frames))
    assert step.left_s == left_s
    assert step.whole.done == pictures[0] + frames[0]


def test_other_results_are_made_of_files_that_are_done(open_dialog, qtbot, tmp_path):
    (tmp_path / "in").mkdir()
    dialog = open_dialog()
    dialog.add_files([write_video(tmp_path / "in" / "a.mp4", REGULAR[:2])])

    def done() -> None:
        assert dialog.start_button.isEnabled() and dialog.progress_label.text() == ""
        run(qtbot, dialog)
        assert states(dialog) == [State.DONE] and dialog.progress_label.text() == "1 of 1 files are done."

    done()
    dialog.table.click()
    assert states(dialog) == [State.WAITING] and dialog.open_button.isEnabled()
    dialog.media.click()
    done()
    dialog.set_folder(tmp_path)
    done()
    assert names(tmp_path) == ["a-hands.jsonl", "in"]
    assert names(tmp_path / "in") == ["a-annotated.mp4", "a-hands.jsonl", "a.mp4"]
    dialog.list.rows()[0].setSelected(True)
    dialog.list.clearSelection()
    assert states(dialog) == [State.DONE] and not dialog.start_button.isEnabled()


def test_folders_are_looked_into_while_the_window_goes_on(open_dialog, qtbot, tmp_path, monkeypatch):
    answers = threading.Event()

    def found(folder: Path, wanted) -> tuple[list[Path], int]:
        while wanted() and not answers.wait(0.01):
            pass
        return [folder / "b.mp4", folder / "c.mp4"], 0

    monkeypatch.setattr(file_list, "media_below", found)
    folders = [tmp_path / "1", tmp_path / "2"]
    for folder in folders:
        folder.mkdir()
    dialog = open_dialog()
    dialog.add_files([folders[0], tmp_path / "a.mp4"])
    assert [row.text(0) for row in dialog.list.rows()] == ["a.mp4"], "at once"
    assert dialog.hint.text() == "Looking for videos and pictures…" and not dialog.start_button.isEnabled()
    dialog.add_files(folders[1:])
    dialog.start()
    assert not dialog.running
    answers.set()
    qtbot.waitUntil(lambda: len(dialog.list.rows()) == 5)
    assert dialog.hint.text().startswith("Drop") and dialog.start_button.isEnabled()
    monkeypatch.setattr(file_list, "MOST_AT_ONCE", 1)
    (tmp_path / "3").mkdir()
    dialog.add_files([tmp_path / "3"])
    qtbot.waitUntil(lambda: len(dialog.list.rows()) == 6)
    assert dialog.progress_label.text().startswith("Only the first 1 of 2 files were added.")
    add(qtbot, dialog, tmp_path / "3")
    assert [row.text(0) for row in dialog.list.rows()][5:] == ["b.mp4", "c.mp4"], "the rest"
    answers.clear()
    dialog.add_files(folders)
    assert dialog.shutdown(5), "it is left at that"


def test_a_folder_is_added(open_dialog, qtbot, tmp_path, monkeypatch):
    write_video(tmp_path / "a.mp4", REGULAR[:2])
    write_image(tmp_path / "b.png", picture(0))
    dialog = open_dialog()
    for folder, count in (("", 0), (str(tmp_path), 2)):
        monkeypatch.setattr(QFileDialog, "getExistingDirectory", lambda *_, folder=folder: folder)
        dialog.add_folder_button.click()
        qtbot.waitUntil(lambda count=count: len(dialog.list.rows()) == count)


def test_of_a_folder_without_anything_that_is_told(open_dialog, qtbot, tmp_path):
    folders = [tmp_path / name for name in ("films", "notes", "photographs")]
    for folder, file in zip(folders, ("a.mp4", "a.txt", "a.heic"), strict=True):
        folder.mkdir()
        (folder / file).touch()
    dialog = open_dialog()
    for added, count, why in (
        (folders[:2], 1, "notes: holds no video and no picture. Give another folder"),
        (folders[1:], 1, "photographs: photographs in HEIC are not read. Save them as JPEG"),
    ):
        add(qtbot, dialog, *added)
        assert len(dialog.list.rows()) == count and dialog.progress_label.text().endswith(why)


def test_a_folder_for_the_results_that_cannot_be_used(open_dialog, qtbot, tmp_path):
    dialog = open_dialog()
    dialog.add_files([write_video(tmp_path / "a.mp4", REGULAR[:2])])
    dialog.set_folder(tmp_path / ("n" * 300))
    run(qtbot, dialog)
    assert states(dialog) == [State.FAILED] and "/nnn" in dialog.progress_label.text()


def test_names_of_results(tmp_path):
    (tmp_path / "a-annotated.partial.mp4").touch()
    tasks = plan_tasks([tmp_path / "a.mov", tmp_path / "a.JPG", tmp_path / "a.gif"], None, True, False)
    assert [task.output.name for task in tasks] == ["a-annotated 2.mp4", "a-annotated.JPG", "a-annotated 3.mp4"]
    assert plan_tasks([], None, True, True) == []
