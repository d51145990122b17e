"""A folder and a button to choose another."""

from __future__ import annotations

from pathlib import Path

from PyQt6.QtCore import Qt, pyqtSignal
from PyQt6.QtGui import QResizeEvent
from PyQt6.QtWidgets import QFileDialog, QHBoxLayout, QLabel, QToolButton, QWidget

from gesture_app.ui.icons import icon


class FolderBox(QWidget):
    """Shows the end of the folder's path, the whole of it in the tool tip.

    Args:
        title: of the dialog.
        usual: the folder that an empty choice stands for.

    Signals:
        changed: the user has chosen another.
    """

    changed = pyqtSignal()

    def __init__(self, title: str, usual: Path, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._title = title
        self._usual = usual
        self._folder = ""
        self.path_label = QLabel()
        self.path_label.setMinimumWidth(60)
        self.button = QToolButton()
        self.button.setIcon(icon("folder"))
        self.button.setAccessibleName(self.tr("Choose a folder"))
        self.button.setToolTip(self.tr("Choose another folder…"))
        self.button.clicked.connect(self._choose)
        self.setFocusProxy(self.button)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.addWidget(self.path_label, 1)
        row.addWidget(self.button)
        self.set_folder("")

    def folder(self) -> str:
        """The chosen folder; empty for the usual one."""
        return self._folder

    def set_folder(self, folder: str) -> None:
        """Show this folder, without a signal."""
        self._folder = folder
        self._show()

    def resizeEvent(self, event: QResizeEvent | None) -> None:
        """Show as much of the path as fits."""
        super().resizeEvent(event)
        self._show()

    def _show(self) -> None:
        whole = self._folder or str(self._usual)
        text = self.path_label.fontMetrics().elidedText(whole, Qt.TextElideMode.ElideLeft, self.path_label.width())
        self.path_label.setText(text)
        self.path_label.setToolTip(whole)
        self.button.setAccessibleDescription(whole)

    def _choose(self) -> None:
        chosen = QFileDialog.getExistingDirectory(self, self._title, self._folder or str(self._usual))
        if chosen:
            self.set_folder(chosen)
            self.changed.emit()
