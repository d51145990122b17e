"""A dialog in which something may still be going on when it is closed, and the button that tells of it then."""

from __future__ import annotations

from collections.abc import Callable

from PyQt6.QtCore import QCoreApplication, Qt, pyqtSignal
from PyQt6.QtGui import QHideEvent, QShowEvent
from PyQt6.QtWidgets import QDialog, QMessageBox, QPushButton, QToolButton, QWidget


class WorkDialog(QDialog):
    """A dialog that starts some work, which may go on behind it when it is closed.

    Signals:
        work_changed: the work has begun, gone on or ended, or the dialog was opened or closed.
    """

    work_changed = pyqtSignal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._question: QMessageBox | None = None

    @property
    def running(self) -> bool:
        """Whether the work is going on."""
        raise NotImplementedError

    @property
    def work_text(self) -> str:
        """How far it is, in two or three words."""
        raise NotImplementedError

    def showEvent(self, event: QShowEvent | None) -> None:
        """Tell that it is open."""
        super().showEvent(event)
        self.work_changed.emit()

    def hideEvent(self, event: QHideEvent | None) -> None:
        """Tell that it is closed."""
        super().hideEvent(event)
        self.work_changed.emit()

    def cancel(self) -> None:
        """Stop without waiting."""
        raise NotImplementedError

    def shutdown(self, timeout_s: float) -> bool:
        """Stop and wait; False if the work does not end in time."""
        raise NotImplementedError

    def close_or_ask(self, question: str, consequence: str) -> None:
        """Close; while the work goes on, ask whether to stop it, go on behind the closed dialog, or neither.

        Args:
            question: such as "Stop training?".
            consequence: what becomes of the work that is done.
        """
        if not self.running:
            super().reject()
            return
        if self._question is not None:
            return
        translate = QCoreApplication.translate
        box = QMessageBox(QMessageBox.Icon.Question, self.windowTitle(), question, parent=self)
        box.setInformativeText(consequence)
        end = box.addButton(translate("WorkDialog", "&Stop"), QMessageBox.ButtonRole.DestructiveRole)
        leave = box.addButton(translate("WorkDialog", "&Go on in the background"), QMessageBox.ButtonRole.AcceptRole)
        # Not "Cancel", which might mean the work.
        box.setEscapeButton(box.addButton(translate("WorkDialog", "&Back"), QMessageBox.ButtonRole.RejectRole))
        box.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        assert end is not None and leave is not None
        end.clicked.connect(lambda: self.cancel())
        for button in (end, leave):
            button.clicked.connect(lambda: QDialog.reject(self))
        box.finished.connect(self._forget_question)
        self._question = box
        box.open()

    def close_question(self) -> None:
        """Ask no more: the work has ended."""
        if self._question is not None:
            self._question.close()

    def _forget_question(self) -> None:
        self._question = None

    @staticmethod
    def _button(text: str, act: Callable[[], object]) -> QPushButton:
        """A button that Enter does not press in another part of the dialog."""
        button = QPushButton(text)
        button.setAutoDefault(False)
        button.clicked.connect(lambda: act())
        return button


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
