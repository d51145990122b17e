"""What tells of work that goes on behind a closed dialog."""

from __future__ import annotations

from PyQt6.QtCore import Qt
from PyQt6.QtWidgets import QToolButton, QWidget

from gesture_app.ui.work_dialog import WorkDialog


class WorkButton(QToolButton):
    """Follows a dialog; hidden while it is open, and while it does nothing."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._dialog: WorkDialog | None = None
        self.setAutoRaise(True)
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.setToolTip(self.tr("Show the dialog again"))
        self.setVisible(False)

    def follow(self, dialog: WorkDialog) -> None:
        """Tell of this dialog from now on."""
        self._dialog = dialog
        dialog.work_changed.connect(self._refresh)
        self._refresh()

    def _refresh(self) -> None:
        dialog = self._dialog
        assert dialog is not None
        if dialog.running:
            self.setText(dialog.work_text)
        self.setVisible(dialog.running and not dialog.isVisible())
