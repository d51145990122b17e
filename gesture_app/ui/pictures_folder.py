"""The folder of pictures that a model is trained on, and what is in it."""

from __future__ import annotations

from pathlib import Path

from PyQt6.QtCore import Qt, QTimer, pyqtSignal
from PyQt6.QtWidgets import QFileDialog, QHBoxLayout, QLabel, QLineEdit, QPushButton, QVBoxLayout, QWidget

from gesture_app.own_models import count_pictures
from gesture_app.ui.desktop import Place, full_path, user_folder
from gesture_app.ui.looking import Looking
from gesture_app.vision.atomic import is_folder

LONGEST = 400
LOOK_AFTER_MS = 300  # a path is typed letter by letter, and on its way names other folders


class PicturesFolder(QWidget):
    """A folder of class folders, chosen or typed; tells soon after how many pictures of which gestures it holds.

    Signals:
        changed: another text stands there.
    """

    changed = pyqtSignal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.path = QLineEdit()
        self.path.setPlaceholderText(self.tr("Folder of pictures"))
        self.path.setAccessibleName(self.tr("Folder of pictures"))
        self.path.textChanged.connect(self._forget)
        self.browse_button = QPushButton(self.tr("&Browse…"))
        self.browse_button.setAutoDefault(False)
        self.browse_button.clicked.connect(self._browse)
        self.found = QLabel()
        self.found.setWordWrap(True)
        self.found.setTextFormat(Qt.TextFormat.PlainText)
        self.setFocusProxy(self.path)
        self._counting = Looking(count_pictures, self)
        self._counting.found.connect(self._tell_counts)
        self._counting.failed.connect(self._tell)
        self._later = QTimer(self)
        self._later.setSingleShot(True)
        self._later.setInterval(LOOK_AFTER_MS)
        self._later.timeout.connect(self._look)
        row = QHBoxLayout()
        row.addWidget(self.path, 1)
        row.addWidget(self.browse_button)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(4)
        column.addLayout(row)
        column.addWidget(self.found)

    def folder(self) -> Path | None:
        """The folder, if there is one."""
        text = self.path.text().strip()
        path = full_path(text)
        return Path(path) if text and is_folder(path) else None

    def set_folder(self, folder: Path) -> None:
        """Show this folder."""
        self.path.setText(str(folder))

    def recount(self) -> None:
        """Tell what is there now."""
        self._later.stop()
        self._look()

    def shutdown(self, timeout_s: float) -> bool:
        """Count no more and wait; False if that takes longer."""
        self._later.stop()
        return self._counting.shutdown(timeout_s)

    def _forget(self) -> None:
        """What is told is about another path."""
        self._counting.cancel()
        self.found.clear()
        self._later.start()
        self.changed.emit()

    def _look(self) -> None:
        folder = self.folder()
        if folder is not None:
            self.found.setText(self.tr("Counting the pictures…"))
            self._counting.start(folder)
        elif self.path.text().strip():
            self.found.setText(self.tr("There is no such folder."))

    def _tell_counts(self, counts: dict[str, int]) -> None:
        if not counts:
            text = self.tr("No pictures in subfolders of this one; other layouts are tried when the training starts.")
            self._tell(text)
            return
        listed = ", ".join(f"{name} {count}" for name, count in counts.items())
        text = self.tr("{pictures} pictures of {gestures} gestures: {listed}")
        self._tell(text.format(pictures=sum(counts.values()), gestures=len(counts), listed=listed))

    def _tell(self, text: str) -> None:
        self.found.setText(text if len(text) < LONGEST else text[:LONGEST] + "…")

    def _browse(self) -> None:
        begin = str(self.folder() or user_folder(Place.PicturesLocation))
        name = QFileDialog.getExistingDirectory(self, self.tr("Folder of pictures"), begin)
        if name:
            self.set_folder(Path(name))
