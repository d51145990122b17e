"""Videos and pictures from files, annotated while the window goes on."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

from PyQt6.QtCore import Qt, pyqtSignal
from PyQt6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QFileDialog,
    QHBoxLayout,
    QLabel,
    QProgressBar,
    QTreeWidgetItem,
    QVBoxLayout,
    QWidget,
)

from gesture_app.ui.annotating import Annotating, LoadOwn, Outcome, State, Step, plan_tasks
from gesture_app.ui.clock import clock
from gesture_app.ui.desktop import Place, open_file, open_or_tell, resize_to_fit, show_in_folder, user_folder
from gesture_app.ui.ending import end_all
from gesture_app.ui.file_list import MEDIA_SUFFIXES, FileList
from gesture_app.ui.wheel_guard import ActingBox
from gesture_app.ui.work_dialog import WorkDialog
from gesture_app.vision.hands import RecognizerOptions


class AnnotateDialog(WorkDialog):
    """A list of files, where the results go, progress; not modal, so that the live picture goes on.

    Args:
        load: gives a recognizer of its own; called in the dialog's thread at every start.
        options: gives the thresholds of the moment.

    Signals:
        ended: the work has come to its end by itself; the whole results, and what there is to say of the others, or "".
    """

    ended = pyqtSignal(object, str)

    def __init__(self, load: LoadOwn, options: Callable[[], RecognizerOptions], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._load = load
        self._options = options
        self._work: Annotating | None = None
        self._outcome_text = ""  # how the last work ended
        self._folder: Path | None = None
        self._wanted: object = None
        self._working: list[QTreeWidgetItem] = []
        self._at: QTreeWidgetItem | None = None  # the one of them that is being annotated
        self.setWindowTitle(self.tr("Annotate videos"))
        resize_to_fit(self, 720, 520)
        self._build_parts()
        self._build_layout()
        self._refresh()

    @property
    def running(self) -> bool:
        """Whether files are being annotated."""
        return self._work is not None

    @property
    def work_text(self) -> str:
        """How far all files are."""
        whole = self.progress_bar.maximum()
        if not whole:
            return self.tr("Annotating…")
        return self.tr("Annotating {percent} %").format(percent=100 * self.progress_bar.value() // whole)

    def add_files(self, paths: Iterable[Path]) -> None:
        """Put files, and the videos and pictures below folders once they are found, onto the list; each once."""
        self.list.add_files(paths)

    def set_folder(self, folder: Path | None) -> None:
        """Put the results into this folder, or beside each file."""
        self._folder = folder
        if folder is not None:
            while self.place.count() > 2:
                self.place.removeItem(1)
            self.place.insertItem(1, str(folder), folder)
        self.place.setCurrentIndex(0 if folder is None else 1)
        self.place.setToolTip(str(folder or ""))
        self._refresh()

    def start(self) -> None:
        """Annotate the files of the list that are not done yet."""
        rows = [row for row in self.list.rows() if self.list.outcome(row).state is not State.DONE]
        if self.running or self.list.search.running or not rows:
            return
        sources = [self.list.source(row) for row in rows]
        tasks = plan_tasks(sources, self._folder, self.media.isChecked(), self.table.isChecked())
        self.list.show_outcome(rows, Outcome(State.WAITING))
        self._working = rows
        self._work = Annotating(tasks, self._load, self._options(), self)
        self._work.loaded.connect(lambda: self.progress_label.setText(""))
        self._work.began.connect(self._begin)
        self._work.progressed.connect(self._show_step)
        self._work.ended.connect(self._end)
        self._work.finished.connect(self._finish)
        self.progress_bar.setRange(0, 0)
        self.progress_label.setText(self.tr("Loading models…"))
        self._work.start()
        self._refresh()

    def cancel(self) -> None:
        """Stop; the part that is done stays, in a file that plays."""
        if self._work is not None:
            self._work.cancel()
            self.start_button.setEnabled(False)
            self.progress_label.setText(self.tr("Stopping…"))

    def shutdown(self, timeout_s: float) -> bool:
        """Stop and wait; False if that takes longer, or networks still load."""
        return end_all(timeout_s, *(part.shutdown for part in (self._work, self.list.search) if part is not None))

    def reject(self) -> None:
        """Close; while files are being annotated, ask first."""
        consequence = self.tr("What is done of the current file is kept and can be played.")
        self.close_or_ask(self.tr("Stop annotating?"), consequence)

    def _build_parts(self) -> None:
        self.hint = QLabel()
        self.hint.setWordWrap(True)
        self.list = FileList()
        self.list.changed.connect(self._refresh)
        self.list.told.connect(lambda text: self.progress_label.setText(text))
        self.list.itemSelectionChanged.connect(self._tell_selected)
        self.list.itemActivated.connect(lambda: self._with_result(open_file))
        self.add_button = self._button(self.tr("&Add files…"), self._choose_files)
        self.add_folder_button = self._button(self.tr("A&dd folder…"), self._choose_folder)
        self.remove_button = self._button(self.tr("&Remove"), self.list.remove_selected)
        self.open_button = self._button(self.tr("&Open result"), lambda: self._with_result(open_file))
        self.show_button = self._button(self.tr("Show in &folder"), lambda: self._with_result(show_in_folder))
        self.place = ActingBox()
        self.place.addItems([self.tr("Beside each file"), self.tr("Choose a folder…")])
        self.place.setAccessibleName(self.tr("Where results are saved"))
        self.place.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        self.place.activated.connect(self._choose_place)
        self.media = QCheckBox(self.tr("Annotated &videos and pictures"))
        self.media.setChecked(True)
        self.table = QCheckBox(self.tr("Hands as &JSON lines"))
        self.table.setToolTip(self.tr("One line a frame: boxes, names and probabilities"))
        self.media.toggled.connect(self._refresh)
        self.table.toggled.connect(self._refresh)
        self.progress_bar = QProgressBar()
        self.progress_bar.setAccessibleName(self.tr("Progress of all files"))
        self.progress_bar.setValue(0)
        self.progress_bar.setTextVisible(False)
        self.progress_label = QLabel()
        self.progress_label.setWordWrap(True)
        self.progress_label.setTextFormat(Qt.TextFormat.PlainText)
        self.start_button = self._button("", lambda: self.cancel() if self.running else self.start())
        self.start_button.setDefault(True)
        self.close_button = self._button(self.tr("Close"), self.reject)

    def _build_layout(self) -> None:
        save_label = QLabel(self.tr("&Save to"))
        save_label.setBuddy(self.place)
        where = _row(save_label, self.place)
        where.setStretch(1, 1)
        below = _row(self.progress_label, self.start_button, self.close_button)
        below.setStretch(0, 1)
        column = QVBoxLayout(self)
        column.setSpacing(10)
        column.addWidget(self.hint)
        column.addWidget(self.list, 1)
        left, right = (
            (self.add_button, self.add_folder_button, self.remove_button),
            (self.open_button, self.show_button),
        )
        column.addLayout(_row(*left, None, *right))
        column.addLayout(where)
        column.addLayout(_row(self.media, self.table, None))
        column.addWidget(self.progress_bar)
        column.addLayout(below)

    def _begin(self, number: int) -> None:
        self._at = self._working[number]
        self.list.show_outcome([self._at], Outcome(State.RUNNING))
        self.list.scrollToItem(self._at)

    def _show_step(self, step: Step) -> None:
        if self._at is None:
            return
        self.list.show_frame(self._at, step.frame, step.frame_count)
        whole = step.whole
        self.progress_bar.setRange(0, whole.whole if whole.done <= whole.whole else 0)
        self.progress_bar.setValue(whole.done)
        self.work_changed.emit()
        if self._work is None or self._work.cancelled:
            return
        rate = whole.done / whole.elapsed_s if whole.elapsed_s > 0 else 0.0
        told = [self.tr("{rate} frames a second").format(rate=f"{rate:.1f}")]
        if step.left_s is not None:
            told.append(self.tr("{time} left").format(time=clock(step.left_s + 0.5)))
        self.progress_label.setText(" · ".join(told))

    def _end(self, number: int, outcome: Outcome) -> None:
        self._at = None
        self.list.show_outcome([self._working[number]], outcome)

    def _finish(self) -> None:
        work, self._work = self._work, None
        assert work is not None
        outcomes = [self.list.outcome(row) for row in self._working]
        done = sum(outcome.state is State.DONE for outcome in outcomes)
        told = self.tr("{done} of {count} files are done.").format(done=done, count=len(outcomes))
        faults = [outcome.text for outcome in outcomes if outcome.text]
        self.progress_bar.setRange(0, len(outcomes))
        self.progress_bar.setValue(done if work.cancelled or work.fault else len(outcomes))
        work.deleteLater()
        self.close_question()
        with_result = [row for row in self._working if self.list.outcome(row).result is not None]
        if with_result and not self.list.selectedItems():
            with_result[0].setSelected(True)
        self._outcome_text = work.fault or " ".join([told, *faults[:1]])
        self.progress_label.setText(self._outcome_text)
        self._refresh()
        if not work.cancelled:
            results = [outcome.result for outcome in outcomes if outcome.state is State.DONE]
            self.ended.emit(results, self._outcome_text if work.fault or faults else "")

    def _tell_selected(self) -> None:
        """Why the selected file failed, or what else there is to say of it, or else of all."""
        if not self.running:
            self.progress_label.setText(self.list.selected_text() or self._outcome_text)

    def _refresh(self) -> None:
        """Say what can be done now."""
        running = self.running
        wanted = self._folder, self.media.isChecked(), self.table.isChecked()
        if wanted != self._wanted:
            self._wanted = wanted
            self._do_again()
        self.list.locked = running
        hint = self.tr("Drop videos, pictures or folders into the list, or choose “Add files” or “Add folder”.")
        looking = self.list.search.running
        self.hint.setText(self.tr("Looking for videos and pictures…") if looking else hint)
        for part in (self.add_button, self.add_folder_button, self.place, self.media, self.table):
            part.setEnabled(not running)
        self.remove_button.setEnabled(bool(self.list.selectedItems()) and not running)
        for button in (self.open_button, self.show_button):
            button.setEnabled(self.list.selected_result() is not None)
        self.start_button.setText(self.tr("&Cancel") if running else self.tr("A&nnotate"))
        self.start_button.setDefault(not running)  # Enter must not cancel
        if not running:
            todo = any(self.list.outcome(row).state is not State.DONE for row in self.list.rows())
            self.start_button.setEnabled(todo and not looking and (self.media.isChecked() or self.table.isChecked()))
        self.work_changed.emit()

    def _do_again(self) -> None:
        """Other results are wanted than those of what is done, which is told no longer."""
        if self.list.wait_again():
            self._outcome_text = ""
            self.progress_label.setText("")
            self.progress_bar.setValue(0)

    def _choose_folder(self) -> None:
        begin = user_folder(Place.MoviesLocation)
        if name := QFileDialog.getExistingDirectory(self, self.tr("Add folder"), begin):
            self.add_files([Path(name)])

    def _choose_files(self) -> None:
        patterns = " ".join(f"*{suffix}" for suffix in MEDIA_SUFFIXES)
        kinds = self.tr("Videos and pictures ({patterns});;All files (*)").format(patterns=patterns)
        short = QFileDialog.Option.HideNameFilterDetails
        begin = user_folder(Place.MoviesLocation)
        names, _ = QFileDialog.getOpenFileNames(self, self.tr("Add files"), begin, kinds, "", short)
        self.add_files(Path(name) for name in names)

    def _choose_place(self, index: int) -> None:
        folder = self.place.itemData(index)
        if index == self.place.count() - 1:
            name = QFileDialog.getExistingDirectory(self, self.tr("Folder for the results"), str(self._folder or ""))
            folder = Path(name) if name else self._folder
        self.set_folder(folder)

    def _with_result(self, act: Callable[[Path], bool]) -> None:
        if (result := self.list.selected_result()) is not None:
            open_or_tell(act, result, self.progress_label.setText)


def _row(*parts: QWidget | None) -> QHBoxLayout:
    """Widgets side by side; None is a stretch."""
    row = QHBoxLayout()
    for part in parts:
        if part is None:
            row.addStretch(1)
        else:
            row.addWidget(part)
    return row
