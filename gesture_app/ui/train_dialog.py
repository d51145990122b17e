"""A model of the user's own gestures, trained in a process of its own."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from PyQt6.QtCore import Qt, pyqtSignal
from PyQt6.QtWidgets import (
    QCheckBox,
    QFormLayout,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QPlainTextEdit,
    QProgressBar,
    QVBoxLayout,
    QWidget,
)

from gesture_app.errors import EnvironmentFault, GestureError
from gesture_app.own_models import forget_trainings, free_folder, install_model, runs_folder
from gesture_app.python_process import python_arguments
from gesture_app.ui.child import Child
from gesture_app.ui.curves import Curves
from gesture_app.ui.desktop import open_file, open_or_tell, resize_to_fit
from gesture_app.ui.ending import end_all
from gesture_app.ui.pictures_folder import PicturesFolder
from gesture_app.ui.work_dialog import WorkDialog
from gesture_app.vision.model_info import KINDS, Kind

COMMAND = (*python_arguments("from training.__main__ import main; main()"), "retrain", "--no-install")
INTERRUPTED = 130
TO_GO_ON = (INTERRUPTED, EnvironmentFault.exit_code, -1)
"""Exit codes of a training that can go on, once there is room or memory again."""
LONGEST_NAME = 60  # with a date it names a folder, for which systems take 255 bytes; a letter has at most 3
NOT_CURVES = ("epoch", "epochs", "stage", "loss")
START_HEIGHT_PX, CURVES_HEIGHT_PX = 340, 620


class TrainDialog(WorkDialog):
    """Asks for a folder of pictures, shows how the training goes, installs what comes out of it.

    Args:
        weights: gives the folder of the model in use; None is the one that comes with the program.
        command: what `python` starts; for tests.

    Signals:
        installed: folder of a model that is to be used from now on.
        ended: a training has come to its end by itself, well or not.
    """

    installed = pyqtSignal(object)
    ended = pyqtSignal()

    def __init__(
        self,
        weights: Callable[[], Path | None] = lambda: None,
        parent: QWidget | None = None,
        command: Sequence[str] = COMMAND,
    ) -> None:
        super().__init__(parent)
        self._weights = weights
        self._base: Path | None = None
        self._command = command
        self._output: Path | None = None
        self._result: dict[str, Any] | None = None
        self._stage = ""
        self._stages = {"classifier": self.tr("gestures"), "detector": self.tr("hands")}
        self._measures = {"macro_f1": self.tr("gestures named right"), "ap50": self.tr("hands found")}
        self._first_told = (0, 0.0)
        self._cancelled = False
        self._arguments: list[str] = []
        self._interrupted: list[str] = []
        self._child = Child(self)
        self._child.told.connect(self._take)
        self._child.ended.connect(self._end)
        self.setWindowTitle(self.tr("Train on your pictures"))
        resize_to_fit(self, 760, START_HEIGHT_PX)
        self._build_parts()
        self._build_layout()
        self._child.said.connect(self.log.appendPlainText)
        self._refresh()

    @property
    def running(self) -> bool:
        """Whether a training is going on."""
        return self._child.running

    @property
    def work_text(self) -> str:
        """How far the network is that is trained now."""
        epochs = self.progress_bar.maximum()
        if not epochs or not self._stage:
            return self.tr("Training…")
        text = self.tr("Training: {stage} {epoch}/{epochs}")
        return text.format(stage=self._stage, epoch=self.progress_bar.value(), epochs=epochs)

    @property
    def waiting(self) -> bool:
        """Whether a training has ended whose model can be used and is not yet."""
        return self.install_button.isEnabled()

    def start(self) -> None:
        """Train."""
        self.data.recount()
        self._refresh()  # the folder may have gone since it was chosen
        if self.running or not self.train_button.isEnabled():
            return
        self._base = self._weights()
        arguments = ["--data", str(self.data.folder()), *(["--keep"] if self.keep.isChecked() else [])]
        arguments += ["--base", str(self._base)] if self._base is not None else []
        if self._output is None or arguments != self._interrupted:  # else the training goes on where it was stopped
            forget_trainings()
            self._output = free_folder(runs_folder(), f"{self.name.text()} {datetime.now():%Y-%m-%d %H.%M.%S}")
            self.loss.clear()
            self.quality.clear()
            self.plots.hide()
        self._interrupted = []
        self._result = None
        self._cancelled = False
        self._stage = ""
        self.log.clear()
        self.notes.hide()
        self._arguments = arguments
        self.progress_bar.setRange(0, 0)
        self.state.setText(self.tr("Reading the pictures and finding the hands in them…"))
        self._child.start([*self._command, *arguments, "--output", str(self._output), "--progress-json"])
        self._refresh()

    def cancel(self) -> None:
        """Stop; the training saves where it is, and the next start with the same pictures goes on from there."""
        self._cancelled = True
        self._child.interrupt()
        self.state.setText(self.tr("Stopping…"))
        self._refresh()

    def shutdown(self, timeout_s: float) -> bool:
        """Stop and wait; False if the process does not end, or a disk does not answer."""
        return end_all(timeout_s, self.data.shutdown, self._child.shutdown)

    def reject(self) -> None:
        """Close; while something is trained, ask first."""
        consequence = self.tr("A training that is stopped cannot go on once this dialog is closed.")
        self.close_or_ask(self.tr("Stop training?"), consequence)

    def _build_parts(self) -> None:
        self.hint = QLabel(
            self.tr(
                "Choose a folder with one subfolder of pictures for each gesture, named like the gesture. "
                "20 pictures of each are enough to begin with."
            )
        )
        self.hint.setWordWrap(True)
        self.data = PicturesFolder()
        self.data.changed.connect(self._take_folder)
        self.keep = QCheckBox(self.tr("&Keep the gestures that the model in use knows, too"))
        self.keep.setChecked(True)
        self.keep.setToolTip(self.tr("Without it the model knows nothing but the gestures of your pictures"))
        self.name = QLineEdit(self.tr("My gestures"))
        self.name.setMaxLength(LONGEST_NAME)
        self.name.textChanged.connect(self._refresh)
        self.state = QLabel()
        self.state.setWordWrap(True)
        self.state.setTextFormat(Qt.TextFormat.PlainText)
        self.notes = QLabel()
        self.notes.setWordWrap(True)
        self.notes.setTextFormat(Qt.TextFormat.PlainText)
        self.notes.hide()
        self.progress_bar = QProgressBar()
        self.progress_bar.setValue(0)
        self.progress_bar.setTextVisible(False)
        self.progress_bar.setAccessibleName(self.tr("Progress of the training"))
        self.loss = Curves(self.tr("Error (less is better)"))
        self.quality = Curves(self.tr("Quality (more is better)"), top=1.0)
        self.log = QPlainTextEdit()
        self.log.setReadOnly(True)
        by_key = Qt.TextInteractionFlag.TextSelectableByKeyboard  # with a cursor, which screen readers follow
        self.log.setTextInteractionFlags(self.log.textInteractionFlags() | by_key)
        self.log.setMaximumBlockCount(2000)
        self.log.setAccessibleName(self.tr("What the training says"))
        self.log.hide()
        self.details = QCheckBox(self.tr("&Details"))
        self.details.toggled.connect(self.log.setVisible)
        self.report_button = self._button(self.tr("Open &report"), self._open_report)
        self.install_button = self._button(self.tr("&Use this model"), self._install)
        self.train_button = self._button("", lambda: self.cancel() if self.running else self.start())
        self.train_button.setDefault(True)
        self.close_button = self._button(self.tr("Close"), self.reject)

    def _build_layout(self) -> None:
        form = QFormLayout()
        form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
        form.addRow(self.tr("&Pictures"), self.data)
        form.addRow(self.tr("&Name of the model"), self.name)
        form.addRow("", self.keep)
        self.plots = QWidget()
        plots = QHBoxLayout(self.plots)
        plots.setContentsMargins(0, 0, 0, 0)
        plots.addWidget(self.loss, 1)
        plots.addWidget(self.quality, 1)
        self.plots.hide()
        buttons = QHBoxLayout()
        buttons.addWidget(self.details)
        buttons.addStretch(1)
        for button in (self.report_button, self.install_button, self.train_button, self.close_button):
            buttons.addWidget(button)
        column = QVBoxLayout(self)
        column.setSpacing(10)
        column.addWidget(self.hint)
        column.addLayout(form)
        column.addWidget(self.notes)
        column.addWidget(self.plots, 2)
        column.addWidget(self.log, 1)
        column.addStretch()
        column.addWidget(self.progress_bar)
        column.addWidget(self.state)
        column.addLayout(buttons)

    def _take_folder(self) -> None:
        """Another folder; what was said of the one before goes, unless there is a model of it."""
        if self._result is None and not self.running:
            self.state.clear()
            self.notes.hide()
        self._refresh()

    def _take(self, told: Any) -> None:
        """What is to be known of the pictures, an epoch, or the end."""
        if told.get("done"):
            self._result = told
            return
        if notes := told.get("notes"):
            self.notes.setText("\n".join(map(str, notes)))
            self.notes.show()
        if pictures := int(told.get("pictures", 0)):
            self._show_looked_at(int(told.get("looked_at", 0)), pictures)
        epoch, epochs = int(told.get("epoch", 0)), int(told.get("epochs", 0))
        if epoch < 1:
            return
        self._show_curves()
        stage = self._stages.get(told.get("stage", ""), str(told.get("stage", "")))
        if isinstance(told.get("loss"), (int, float)):
            self.loss.add(stage, epoch, epochs, float(told["loss"]))
        for key, value in told.items():
            if key not in NOT_CURVES and isinstance(value, float) and 0 <= value <= 1:
                name = stage if key in self._measures else f"{stage} {key}"
                self.quality.add(name, epoch, epochs, value)
        if stage != self._stage:
            self._stage, self._first_told = stage, (epoch, time.monotonic())
        self.progress_bar.setRange(0, max(1, epochs))
        self.progress_bar.setValue(epoch)
        if not self._cancelled:
            text = self.tr("Learning {stage}: round {epoch} of {epochs}")
            text = text.format(stage=stage, epoch=epoch, epochs=epochs)
            self.state.setText(text + self._told_left(epoch, epochs))
        self.work_changed.emit()

    def _show_looked_at(self, looked_at: int, pictures: int) -> None:
        """How far the search for hands is; what comes after it tells nothing until the first epoch."""
        ready = looked_at >= pictures
        self.progress_bar.setRange(0, 0 if ready else pictures)
        self.progress_bar.setValue(looked_at)
        if not self._cancelled:
            text = self.tr("Finding the hands: picture {number} of {pictures}")
            text = text.format(number=looked_at, pictures=pictures)
            self.state.setText(self.tr("Preparing the training…") if ready else text)

    def _told_left(self, epoch: int, epochs: int) -> str:
        """How long the epochs of this network still take; before the second one nobody knows."""
        first, first_s = self._first_told
        if epoch <= first:
            return ""
        each_s = (time.monotonic() - first_s) / (epoch - first)
        minutes = round(each_s * max(0, epochs - epoch) / 60)
        if minutes < 2:
            return self.tr(", about a minute left") if minutes else self.tr(", less than a minute left")
        return self.tr(", about {minutes} minutes left").format(minutes=minutes)

    def _show_curves(self) -> None:
        """Make room for the curves, once there is something to see in them."""
        if self.plots.isHidden():
            self.plots.show()
            resize_to_fit(self, self.width(), max(self.height(), CURVES_HEIGHT_PX))

    def _end(self, code: int) -> None:
        result = self._result if code == 0 else None
        if result is None and (self._cancelled or code in TO_GO_ON):
            self._interrupted = self._arguments
        self.progress_bar.setRange(0, 1)
        self.progress_bar.setValue(int(result is not None))
        if result is not None:
            self._tell_result(result)
        elif self._cancelled or code == INTERRUPTED:
            self.state.setText(self.tr("Stopped. “Train” goes on from here; the model in use is the same as before."))
        else:
            why = self._child.errors[-1] if self._child.errors else self.tr("exit code {code}").format(code=code)
            self.state.setText(why.removeprefix("gesture-train: error: "))
            if code not in (2, 3):
                self.details.setChecked(True)
        self.close_question()
        self._refresh()
        if not self._cancelled:
            self.ended.emit()

    def _tell_result(self, results: Mapping[str, Any]) -> None:
        each = self.tr("{measure} {new:.3f}, before {old:.3f}")
        told = [
            each.format(measure=measure, new=results[key], old=results[f"before_{key}"])
            for key, measure in self._measures.items()
            if isinstance(results.get(key), float) and isinstance(results.get(f"before_{key}"), float)
        ]
        if "named" in results:
            right = self.tr("new gestures named right {named:.0f} %, needed {needed:.0f} %")
            told.append(right.format(named=100 * results["named"], needed=100 * results["needed"]))
        if isinstance(results.get("kept"), float):
            told.append(self.tr("other hands named as before {kept:.0f} %").format(kept=100 * results["kept"]))
        text = self._verdict(results).format(figures=f" ({'; '.join(told)})" if told else "")
        if weak := results.get("weak"):
            listed = ", ".join(f"{name} {100 * share:.0f} %" for name, share in weak.items())
            few = self.tr(" Too seldom named right: {gestures}. More pictures of these would help.")
            text += few.format(gestures=listed)
        self.state.setText(text)

    def _verdict(self, results: Mapping[str, Any]) -> str:
        if results.get("forgets"):
            return self.tr(
                "Done, but the new model gives wrong names to hands that your pictures do not show{figures}. "
                "Add pictures of gestures that it is to go on knowing, and a folder no_gesture of hands that show none."
            )
        if results.get("as_good"):
            return self.tr("Done: on your pictures the new model is as good as the one before{figures}.")
        if "named" in results:  # gestures that the one before does not know
            if results.get("better"):
                return self.tr("Done: the new model is good enough to use{figures}.")
            return self.tr("Done, but the new model is not good enough to use{figures}.")
        if results.get("better"):
            return self.tr("Done: the new model is better than the one before{figures}.")
        return self.tr("Done, but on your pictures the new model is not better than the one before{figures}.")

    def _kinds(self, result: Mapping[str, Any]) -> tuple[Kind, ...]:
        """The networks to install: those that are better, or where none is, and it is asked for all the same, all."""
        return tuple(kind for kind in KINDS if kind in result.get("improved", ())) or KINDS

    def _refresh(self) -> None:
        """Say what can be done now."""
        running = self.running
        for part in (self.data, self.name, self.keep):
            part.setEnabled(not running)
        ready = self.data.folder() is not None and bool(self.name.text().strip())
        self.train_button.setText(self.tr("&Cancel") if running else self.tr("&Train"))
        self.train_button.setEnabled(not self._cancelled if running else ready)
        result = self._result if not running else None
        self.install_button.setEnabled(result is not None)
        better = bool(result and result.get("better"))
        self.install_button.setDefault(better)
        self.train_button.setDefault(not better and not running)  # Enter must not cancel
        self.report_button.setEnabled(self._report() is not None and not running)
        self.work_changed.emit()

    def _report(self) -> Path | None:
        told = self._result.get("report") if self._result is not None else None
        return Path(told) if isinstance(told, str) and Path(told).is_file() else None

    def _open_report(self) -> None:
        report = self._report()
        if report is not None:
            open_or_tell(open_file, report, self.state.setText)

    def _install(self) -> None:
        assert self._output is not None and self._result is not None
        try:
            folder = install_model(self._output, self.name.text(), self._base, self._kinds(self._result))
        except GestureError as error:
            self.state.setText(str(error))
            return
        self.install_button.setEnabled(False)
        self.state.setText(self.tr("The window uses the model “{name}” now.").format(name=folder.name))
        self.installed.emit(folder)
