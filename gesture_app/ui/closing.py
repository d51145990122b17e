"""Closing a dialog in which something is still going on."""

from __future__ import annotations

from collections.abc import Callable

from PyQt6.QtCore import QCoreApplication, Qt
from PyQt6.QtWidgets import QDialog, QMessageBox


def ask_to_stop(dialog: QDialog, question: str, consequence: str, stop: Callable[[], None]) -> QMessageBox:
    """Ask whether the dialog's work is to be stopped, go on behind the closed dialog, or neither.

    Args:
        question: such as "Stop training?".
        consequence: what becomes of the work that is done.
        stop: called before the dialog is closed.
    """
    translate = QCoreApplication.translate
    box = QMessageBox(QMessageBox.Icon.Question, dialog.windowTitle(), question, parent=dialog)
    box.setInformativeText(consequence)
    end = box.addButton(translate("Closing", "&Stop"), QMessageBox.ButtonRole.DestructiveRole)
    leave = box.addButton(translate("Closing", "&Go on in the background"), QMessageBox.ButtonRole.AcceptRole)
    box.setEscapeButton(box.addButton(QMessageBox.StandardButton.Cancel))
    box.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
    assert end is not None and leave is not None
    end.clicked.connect(lambda: stop())
    for button in (end, leave):
        button.clicked.connect(lambda: QDialog.reject(dialog))
    box.open()
    return box
