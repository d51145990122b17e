"""The line over the foot of the picture that tells where a file went, or what is wrong."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from PyQt6.QtCore import Qt, QTimer, pyqtSignal
from PyQt6.QtWidgets import QApplication, QFrame, QHBoxLayout, QLabel, QPushButton, QSizePolicy, QToolButton, QWidget

from gesture_app.ui.desktop import open_file, open_or_tell, show_in_folder, shown_path

SHOWN_MS = 10_000
MOST_NOTES = 3


class Notice(QFrame):
    """Hidden until there is something to tell; goes by itself unless it tells of a failure.

    Signals:
        told: what it tells from now on.
    """

    told = pyqtSignal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._path: Path | None = None
        self._notes: list[str] = []
        self.setObjectName("notice")
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)  # what is below stays as wide
        self.label = QLabel()
        self.label.setTextFormat(Qt.TextFormat.PlainText)
        self.label.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.label.setWordWrap(True)
        self.label.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Preferred)
        self.open_button = QPushButton(self.tr("Open"))
        self.open_button.clicked.connect(lambda: self._act(open_file))
        self.folder_button = QPushButton(self.tr("Show in folder"))
        self.folder_button.clicked.connect(lambda: self._act(show_in_folder))
        self.close_button = QToolButton()
        self.close_button.setText("✕")
        self.close_button.setAutoRaise(True)
        self.close_button.setAccessibleName(self.tr("Close this message"))
        self.close_button.clicked.connect(self.hide)
        row = QHBoxLayout(self)
        row.setContentsMargins(12, 6, 6, 6)
        row.addWidget(self.label, 1)
        for button in (self.open_button, self.folder_button, self.close_button):
            row.addWidget(button)
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(SHOWN_MS)
        self._timer.timeout.connect(self._go)
        self.hide()

    def show_saved(self, path: Path) -> None:
        """Tell that this file is there."""
        self._show(self._saved(path), path)
        self._timer.start()

    def show_annotated(self, results: Sequence[Path], fault: str) -> None:
        """Tell what came of files that took their time, until the user, who may be elsewhere, closes it."""
        if not results:
            self.show_failure(fault)
            return
        text = self._saved(results[0])
        if len(results) > 1:
            text += " " + self.tr("and {count} more").format(count=len(results) - 1)
        self._show(f"{text}. {fault}" if fault else text, results[0])

    def show_failure(self, text: str) -> None:
        """Tell what went wrong, until the user closes it."""
        self._show(text)

    def show_note(self, text: str) -> None:
        """Tell of a fault of the source, below those before, until the user closes it or `end_notes` is called."""
        notes = [*(() if self.isHidden() else self._notes), text][-MOST_NOTES:]
        self.show_failure("\n".join(notes))
        self._notes = notes

    def end_notes(self) -> None:
        """Another source begins: what was told of the one before goes."""
        if self._notes:
            self._notes = []
            self.hide()

    def _go(self) -> None:
        """Go now, or later if someone has come to its buttons by the Tab key."""
        if self.isAncestorOf(QApplication.focusWidget()):
            self._timer.start()
        else:
            self.hide()

    def _act(self, act: Callable[[Path], bool]) -> None:
        if self._path is not None:
            open_or_tell(act, self._path, self.show_failure)

    def _saved(self, path: Path) -> str:
        return self.tr("Saved {name} in {folder}").format(name=path.name, folder=shown_path(str(path.parent)))

    def _show(self, text: str, path: Path | None = None) -> None:
        self._timer.stop()
        self._notes = []
        self._path = path
        self.label.setText(text)
        self.setAccessibleName(text)
        self.open_button.setVisible(path is not None)
        self.folder_button.setVisible(path is not None)
        self.show()
        self.told.emit(text)
