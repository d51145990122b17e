"""The page of `gesture-app doctor` in the window."""

from __future__ import annotations

import html
from collections.abc import Callable, Sequence
from pathlib import Path

from PyQt6.QtCore import Qt
from PyQt6.QtGui import QGuiApplication
from PyQt6.QtWidgets import QDialog, QHBoxLayout, QLabel, QProgressBar, QPushButton, QTextBrowser, QVBoxLayout, QWidget

from gesture_app.python_process import python_arguments
from gesture_app.ui.child import Child
from gesture_app.ui.desktop import resize_to_fit
from gesture_app.ui.theme import is_dark

COMMAND = (*python_arguments("from gesture_app.cli import main; main()"), "doctor", "--jsonl", "-")
MARKS = {"good": "✓", "note": "!", "bad": "✗"}
COLOURS = {"good": ("#1a7f37", "#4ac26b"), "note": ("#9a6700", "#d4a72c"), "bad": ("#c62828", "#ff7b72")}


class DoctorDialog(QDialog):
    """Looks at this computer when it is shown; what it finds can be copied.

    Args:
        weights: gives the folder of the networks that are looked at.
        camera_in_use: gives the number of the camera that is playing, or "".
        command: what to start; for tests.
    """

    def __init__(
        self,
        weights: Callable[[], Path],
        camera_in_use: Callable[[], str],
        parent: QWidget | None = None,
        command: Sequence[str] = COMMAND,
    ) -> None:
        super().__init__(parent)
        self.setWindowTitle(self.tr("Check this computer"))
        self._weights = weights
        self._camera_in_use = camera_in_use
        self._command = command
        self.findings: list[dict[str, str]] = []
        self._child = Child(self)
        self._child.told.connect(self._add)
        self._child.ended.connect(self._end)
        self.page = QTextBrowser()
        self.page.setAccessibleName(self.tr("Findings"))
        by_key = Qt.TextInteractionFlag.TextSelectableByKeyboard  # with a cursor, which screen readers follow
        self.page.setTextInteractionFlags(self.page.textInteractionFlags() | by_key)
        document = self.page.document()
        assert document is not None
        document.setDocumentMargin(12)
        self.summary = QLabel()
        self.summary.setWordWrap(True)
        self.busy = QProgressBar()
        self.busy.setRange(0, 0)
        self.busy.setTextVisible(False)
        self.busy.setAccessibleName(self.tr("Looking"))
        self.again_button = QPushButton(self.tr("Check &again"))
        self.again_button.clicked.connect(self.check)
        self.copy_button = QPushButton(self.tr("&Copy"))
        self.copy_button.setToolTip(self.tr("Copy the page as text, for a report"))
        self.copy_button.clicked.connect(self.copy)
        close = QPushButton(self.tr("Close"))
        close.clicked.connect(self.reject)
        close.setDefault(True)
        row = QHBoxLayout()
        row.addWidget(self.again_button)
        row.addWidget(self.copy_button)
        row.addStretch(1)
        row.addWidget(close)
        column = QVBoxLayout(self)
        column.setSpacing(10)
        column.addWidget(self.summary)
        column.addWidget(self.busy)
        column.addWidget(self.page, 1)
        column.addLayout(row)
        resize_to_fit(self, 760, 560)
        self.check()

    @property
    def running(self) -> bool:
        """Whether it is still looking."""
        return self._child.running

    def check(self) -> None:
        """Look at everything again."""
        self.findings = []
        self.summary.setText(self.tr("Looking at display, cameras, networks and codecs. This takes some seconds…"))
        self.busy.show()
        camera = self._camera_in_use()
        in_use = ["--camera-in-use", camera] if camera else []
        self._child.start([*self._command, "--weights", str(self._weights()), *in_use])
        self._write()

    def copy(self) -> None:
        """Put the page onto the clipboard as text."""
        clipboard = QGuiApplication.clipboard()
        if clipboard is not None:
            clipboard.setText(self.text())

    def text(self) -> str:
        """The page as text."""
        lines = []
        for finding in self.findings:
            lines.append(f"[{finding['state']}] {finding['topic']}: {finding['text']}")
            if finding["mend"]:
                lines.append(f"    -> {finding['mend']}")
        return "\n".join(lines) + "\n"

    def shutdown(self, timeout_s: float) -> bool:
        """End the check, which has nothing to save; False if its process does not end in time."""
        self._child.kill()
        return self._child.shutdown(timeout_s)

    def done(self, result: int) -> None:
        """Close; an unfinished check ends too."""
        self._child.kill()
        super().done(result)

    def _add(self, finding: dict[str, str]) -> None:
        self.findings.append(finding)
        self._write()

    def _write(self) -> None:
        dark = is_dark(self.palette())
        rows = []
        for finding in self.findings:
            colour = COLOURS[finding["state"]][dark]
            mend = f"<br><b>→ {html.escape(finding['mend'])}</b>" if finding["mend"] else ""
            rows.append(
                f'<tr><td style="color:{colour}"><b>{MARKS[finding["state"]]}</b></td>'
                f"<td><b>{html.escape(finding['topic'])}</b></td><td>{html.escape(finding['text'])}{mend}</td></tr>"
            )
        self.page.setHtml(f'<table cellpadding="5">{"".join(rows)}</table>')
        self.copy_button.setEnabled(bool(self.findings))
        self.again_button.setEnabled(not self._child.running)

    def _end(self, code: int) -> None:
        self.busy.hide()
        wrong = sum(finding["state"] == "bad" for finding in self.findings)
        notes = sum(finding["state"] == "note" for finding in self.findings)
        if code not in (0, 3) or not self.findings:
            why = self._child.errors[-1] if self._child.errors else self.tr("exit code {code}").format(code=code)
            self.summary.setText(self.tr("The check did not come to its end: {why}").format(why=why))
        elif wrong:
            self.summary.setText(self.tr("Something is wrong. The lines with an arrow say how to mend it."))
        elif notes:
            self.summary.setText(self.tr("All that is needed is there. The notes tell what could be added."))
        else:
            self.summary.setText(self.tr("All is well."))
        self._write()
