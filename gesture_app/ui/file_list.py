"""The files of the annotate dialog and where each stands."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from PyQt6.QtCore import QSignalBlocker, Qt, pyqtSignal
from PyQt6.QtGui import QDragEnterEvent, QDragMoveEvent, QDropEvent, QKeyEvent
from PyQt6.QtWidgets import QAbstractItemView, QHeaderView, QTreeWidget, QTreeWidgetItem, QWidget

from gesture_app.ui.annotating import Outcome, State
from gesture_app.ui.desktop import take_copy
from gesture_app.ui.looking import Looking
from gesture_app.video.suffixes import VIDEO_SUFFIXES, media_below, why_no_media
from gesture_app.vision.atomic import is_folder
from gesture_app.vision.images import IMAGE_SUFFIXES

MEDIA_SUFFIXES = (*VIDEO_SUFFIXES, *IMAGE_SUFFIXES)
SOURCE_ROLE = Qt.ItemDataRole.UserRole
OUTCOME_ROLE = Qt.ItemDataRole.UserRole + 1
FILE, STATE = 0, 1
MOST_AT_ONCE = 10_000
"""So many files of folders are added at once: the window stands still for some tenths of a second."""


class FileList(QTreeWidget):
    """Takes files by `add_files` and by drag and drop; Delete removes the selected ones.

    Signals:
        changed: files came or went, changed their state, or others are selected; once for all of a call.
        told: why not all files of a folder were added, or none.

    Attributes:
        search: looks for files in folders; what it finds is added.
    """

    changed = pyqtSignal()
    told = pyqtSignal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.locked = False
        self.setColumnCount(2)
        self.setHeaderLabels([self.tr("File"), self.tr("State")])
        self.setRootIsDecorated(False)
        self.setUniformRowHeights(True)
        self.setStyleSheet("QTreeView::item { padding: 4px 6px 4px 2px; }")
        self.setTextElideMode(Qt.TextElideMode.ElideMiddle)
        self.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
        self.setAccessibleName(self.tr("Files to annotate"))
        self.setAcceptDrops(True)
        header = self.header()
        assert header is not None
        header.setStretchLastSection(False)
        header.setSectionResizeMode(FILE, QHeaderView.ResizeMode.Stretch)
        header.setSectionResizeMode(STATE, QHeaderView.ResizeMode.ResizeToContents)
        header.setResizeContentsPrecision(0)  # else a thousand rows are measured whenever one changes
        self.itemSelectionChanged.connect(self.changed)
        self._folders: list[Path] = []
        self.search = Looking(_media_in, self)
        self.search.found.connect(self._take_found)
        self.search.failed.connect(self._take_failure)

    def rows(self) -> list[QTreeWidgetItem]:
        """All rows, from above."""
        rows = [self.topLevelItem(row) for row in range(self.topLevelItemCount())]
        return [row for row in rows if row is not None]

    def source(self, row: QTreeWidgetItem) -> Path:
        """The file of a row."""
        source = row.data(FILE, SOURCE_ROLE)
        assert isinstance(source, Path)
        return source

    def outcome(self, row: QTreeWidgetItem) -> Outcome:
        """Where the file of a row stands."""
        outcome = row.data(FILE, OUTCOME_ROLE)
        assert isinstance(outcome, Outcome)
        return outcome

    def add_files(self, paths: Iterable[Path]) -> None:
        """Add files, and the videos and pictures below folders once they are found; each once. While `locked`, none."""
        if self.locked:
            return
        paths = list(paths)
        folders = [path for path in paths if is_folder(path)]
        if folders:
            self._folders += folders
            self.search.start(tuple(self._folders))
        self._add(self._new(path for path in paths if path not in folders))

    def remove_selected(self) -> None:
        """Take the selected files off the list. While `locked`, none."""
        if self.locked:
            return
        rows = self.selectedItems()
        with QSignalBlocker(self):  # the selection would change with every row
            self.clearSelection()
            for row in rows:
                self.takeTopLevelItem(self.indexOfTopLevelItem(row))
        self.changed.emit()

    def show_outcome(self, rows: Iterable[QTreeWidgetItem], outcome: Outcome) -> None:
        """Say where the files of these rows stand."""
        texts = {
            State.WAITING: self.tr("waiting"),
            State.RUNNING: self.tr("being annotated"),
            State.DONE: self.tr("done, with a note") if outcome.text else self.tr("done"),
            State.PARTIAL: self.tr("stopped, first part kept"),
            State.STOPPED: self.tr("not done"),
            State.FAILED: self.tr("failed"),
        }
        for row in rows:
            parts = [str(self.source(row)), outcome.text, str(outcome.result) if outcome.result else ""]
            row.setData(FILE, OUTCOME_ROLE, outcome)
            row.setText(STATE, texts[outcome.state])
            for column in (FILE, STATE):
                row.setToolTip(column, "\n".join(part for part in parts if part))
        self.changed.emit()

    def wait_again(self) -> bool:
        """Let the files that are done wait to be done once more; whether there are any. Their results can be opened."""
        done = [(row, self.outcome(row)) for row in self.rows() if self.outcome(row).state is State.DONE]
        with QSignalBlocker(self):
            for row, outcome in done:
                self.show_outcome([row], Outcome(State.WAITING, outcome.result))
        if done:
            self.changed.emit()
        return bool(done)

    def show_frame(self, row: QTreeWidgetItem, frame: int, frame_count: int | None) -> None:
        """Say which frame of a file is done; `frame_count` is None where it is not known."""
        text = self.tr("frame {frame} of {count}") if frame_count else self.tr("frame {frame}")
        row.setText(STATE, text.format(frame=frame, count=frame_count))

    def selected_text(self) -> str:
        """What there is to say of the first selected file of which there is something; empty for none."""
        return next((text for row in self.selectedItems() if (text := self.outcome(row).text)), "")

    def selected_result(self) -> Path | None:
        """The result of the first selected file that has one."""
        results = (self.outcome(row).result for row in self.selectedItems())
        return next((result for result in results if result is not None), None)

    def keyPressEvent(self, event: QKeyEvent | None) -> None:
        """Delete removes the selected files."""
        if event is not None and event.key() == Qt.Key.Key_Delete:
            self.remove_selected()
            return
        super().keyPressEvent(event)
        if event is not None and event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter) and self.selected_result():
            event.accept()  # it has opened the result, and is not to start anything as well

    def dragEnterEvent(self, event: QDragEnterEvent | None) -> None:
        """Take files."""
        if event is not None and not self.locked and _dropped(event):
            take_copy(event)

    def dragMoveEvent(self, event: QDragMoveEvent | None) -> None:
        """Anywhere on the list."""
        if event is not None:
            take_copy(event)

    def dropEvent(self, event: QDropEvent | None) -> None:
        """Put them onto the list."""
        if event is not None:
            self.add_files(_dropped(event))
            take_copy(event)

    def _take_found(self, found: tuple[list[Path], str]) -> None:
        files, why_none = found
        folders = self._folders.copy()
        self._folders.clear()
        if why_none:
            self.told.emit(why_none)
        new = self._new(files)
        self._add(new[:MOST_AT_ONCE], folders)
        if len(new) > MOST_AT_ONCE:
            text = self.tr(
                "Only the first {most} of {count} files were added. Add the folder again for more; "
                "“gesture-app annotate” takes them all."
            )
            self.told.emit(text.format(most=MOST_AT_ONCE, count=len(new)))

    def _take_failure(self, why: str) -> None:
        self._folders.clear()
        self.changed.emit()
        self.told.emit(why)

    def _new(self, files: Iterable[Path]) -> list[Path]:
        """Those that are not in the list, each once."""
        known = {self.source(row) for row in self.rows()}
        return [file for file in dict.fromkeys(files) if file not in known]

    def _add(self, files: Sequence[Path], folders: Sequence[Path] = ()) -> None:
        rows = [_row(file, folders) for file in files]
        self.addTopLevelItems(rows)
        self.show_outcome(rows, Outcome(State.WAITING))


def _row(file: Path, folders: Sequence[Path]) -> QTreeWidgetItem:
    """Of a file that was found in one of the folders, with the way from there, or of a file by itself."""
    within = (str(file.relative_to(folder)) for folder in folders if file.is_relative_to(folder))
    row = QTreeWidgetItem([next(within, file.name)])
    row.setData(FILE, SOURCE_ROLE, file)
    return row


def _media_in(folders: Sequence[Path], wanted: Callable[[], bool]) -> tuple[list[Path], str]:
    """What is found, and what to tell of the last folder without anything; empty where each has something."""
    found = {folder: media_below(folder, wanted=wanted)[0] for folder in folders}
    empty = [folder for folder, files in found.items() if not files]
    return [file for files in found.values() for file in files], why_no_media(empty[-1], wanted) if empty else ""


def _dropped(event: QDropEvent) -> list[Path]:
    mime = event.mimeData()
    return [Path(url.toLocalFile()) for url in mime.urls() if url.isLocalFile()] if mime is not None else []
