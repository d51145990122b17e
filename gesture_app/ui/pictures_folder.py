"""The folder of pictures that a model is trained on, and what is in it."""

from __future__ import annotations

from pathlib import Path

from PyQt6.QtCore import Qt, pyqtSignal
from PyQt6.QtWidgets import QFileDialog, QHBoxLayout, QLabel, QLineEdit, QPushButton, QVBoxLayout, QWidget

from gesture_app.errors import GestureError
from gesture_app.own_models import count_pictures
from gesture_app.ui.desktop import Place, user_folder

LONGEST = 400


class PicturesFolder(QWidget):
    """A folder of class folders, chosen or typed; tells at once how many pictures of which gestures it holds.

    Signals:
        changed: another text stands there.
    """

    changed = pyqtSignal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.path = QLineEdit()
        self.path.setPlaceholderText(self.tr("Folder of pictures"))
        self.path.setAccessibleName(self.tr("Folder of pictures"))
        self.path.textChanged.connect(self._look)
        self.browse_button = QPushButton(self.tr("&Browse…"))
        self.browse_button.setAutoDefault(False)
        self.browse_button.clicked.connect(self._browse)
        self.found = QLabel()
        self.found.setWordWrap(True)
        self.found.setTextFormat(Qt.TextFormat.PlainText)
        self.setFocusProxy(self.path)
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
        folder = Path(text).expanduser()
        return folder if text and folder.is_dir() else None

    def set_folder(self, folder: Path) -> None:
        """Show this folder."""
        self.path.setText(str(folder))

    def _look(self) -> None:
        text = self._told()
        self.found.setText(text if len(text) < LONGEST else text[:LONGEST] + "…")
        self.changed.emit()

    def _told(self) -> str:
        folder = self.folder()
        if folder is None:
            return self.tr("There is no such folder.") if self.path.text().strip() else ""
        try:
            counts = count_pictures(folder)
        except GestureError as error:
            return str(error)
        if not counts:
            return self.tr("No pictures in subfolders of this one; other layouts are tried when the training starts.")
        listed = ", ".join(f"{name} {count}" for name, count in counts.items())
        return self.tr("{pictures} pictures of {gestures} gestures: {listed}").format(
            pictures=sum(counts.values()), gestures=len(counts), listed=listed
        )

    def _browse(self) -> None:
        begin = self.path.text() or user_folder(Place.PicturesLocation)
        name = QFileDialog.getExistingDirectory(self, self.tr("Folder of pictures"), begin)
        if name:
            self.set_folder(Path(name))
