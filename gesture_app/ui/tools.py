"""The dialogs of the window, made when they are first asked for."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from PyQt6.QtCore import QObject, Qt, pyqtSignal
from PyQt6.QtWidgets import QDialog, QMainWindow

from gesture_app.ui.ending import end_all
from gesture_app.ui.live import LoadRecognizer, ModelChoice
from gesture_app.ui.settings_store import SettingsStore
from gesture_app.ui.work_dialog import WorkButton, WorkDialog
from gesture_app.vision.assets import shipped_folder

if TYPE_CHECKING:
    from gesture_app.ui.annotate_dialog import AnnotateDialog
    from gesture_app.ui.doctor_dialog import DoctorDialog
    from gesture_app.ui.train_dialog import TrainDialog


class Tools(QObject):
    """Shows the dialogs of a window, each once, and ends what they do.

    Args:
        load: gives a recognizer of a dialog's own.
        store: tells the networks and the thresholds in use.

    Signals:
        model_installed: the folder of the networks that were trained.
        annotated: files were annotated in the background; as the dialog's `ended`.

    Attributes:
        buttons: tell of work whose dialog is closed; for a status bar.
    """

    model_installed = pyqtSignal(object)
    annotated = pyqtSignal(object, str)

    def __init__(self, window: QMainWindow, load: LoadRecognizer, store: SettingsStore) -> None:
        super().__init__(window)
        self._window = window
        self._load = load
        self._store = store
        self._annotate: AnnotateDialog | None = None
        self._train: TrainDialog | None = None
        self._doctor: DoctorDialog | None = None
        self._annotate_button, self._train_button = WorkButton(window), WorkButton(window)
        self._annotate_button.clicked.connect(self.annotate)
        self._train_button.clicked.connect(self.train)
        self.buttons = self._annotate_button, self._train_button

    @property
    def running(self) -> bool:
        """Whether videos are annotated or a model is trained, which closing the window would break off."""
        return bool((self._annotate and self._annotate.running) or (self._train and self._train.running))

    def annotate(self) -> None:
        """Videos to annotated videos."""
        from gesture_app.ui.annotate_dialog import AnnotateDialog

        if self._annotate is None:
            self._annotate = AnnotateDialog(
                lambda: self._load(self._choice), lambda: self._store.settings.options(), self._window
            )
            self._annotate.ended.connect(self._tell_annotated)
            self._annotate_button.follow(self._annotate)
        _show(self._annotate)

    def annotate_files(self, files: Sequence[Path]) -> bool:
        """Put these onto the list of what is to be annotated; False while it is locked, as work goes on."""
        self.annotate()
        assert self._annotate is not None
        self._annotate.add_files(files)
        return not self._annotate.running

    def train(self) -> None:
        """The user's pictures to a model."""
        from gesture_app.ui.train_dialog import TrainDialog

        if self._train is None or not (self._train.running or self._train.waiting or self._train.isVisible()):
            if self._train is not None and self._train.shutdown(0):
                self._train.deleteLater()
            self._train = TrainDialog(lambda: self._choice.weights, self._window)
            self._train.installed.connect(self.model_installed)
            self._train.ended.connect(self._show_trained)
            self._train_button.follow(self._train)
        _show(self._train)

    def _show_trained(self) -> None:
        """A training that went on in the background shows what came of it."""
        if self._train is not None and not self._train.isVisible() and self._window.isVisible():
            _show(self._train)

    def _tell_annotated(self, results: list[Path], fault: str) -> None:
        if self._annotate is not None and not self._annotate.isVisible() and self._window.isVisible():
            self.annotated.emit(results, fault)

    def doctor(self, camera_in_use: Callable[[], str] = lambda: "") -> None:
        """What works on this computer, but for the camera of this number, which plays."""
        from gesture_app.ui.doctor_dialog import DoctorDialog

        if self._doctor is None or not (self._doctor.running and self._doctor.isVisible()):
            if self._doctor is not None:
                self._doctor.shutdown(0)
                self._doctor.deleteLater()
            self._doctor = DoctorDialog(lambda: self._weights, camera_in_use, self._window)
        _show(self._doctor)

    def gestures(self) -> None:
        """The drawings of the gestures that the networks in use know."""
        from gesture_app.ui.gesture_gallery import GesturesDialog

        self._show_alone(GesturesDialog(self._weights, self._window))

    def shortcuts(self) -> None:
        """All keys."""
        from gesture_app.ui.shortcuts_dialog import ShortcutsDialog

        self._show_alone(ShortcutsDialog(self._window, self._window))

    def about(self, device: str) -> None:
        """Versions, licences and the model card, and what computes."""
        from gesture_app.ui.about_dialog import AboutDialog

        self._show_alone(AboutDialog(device, self._window))

    def shutdown(self, timeout_s: float) -> bool:
        """End what runs; False if it has not ended in time."""
        ends = [dialog.shutdown for dialog in self._window.findChildren(WorkDialog)]
        if self._doctor is not None:
            ends.append(self._doctor.shutdown)
        return end_all(timeout_s, *ends)

    def _show_alone(self, dialog: QDialog) -> None:
        """Show a dialog in place of an earlier one of its kind, and forget it when it is closed."""
        for earlier in self._window.findChildren(type(dialog)):
            if earlier is not dialog:
                earlier.close()
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        _show(dialog)

    @property
    def _choice(self) -> ModelChoice:
        return ModelChoice.of(self._store.settings)

    @property
    def _weights(self) -> Path:
        return self._choice.weights or shipped_folder()


def _show(dialog: QDialog) -> None:
    dialog.setModal(False)
    dialog.show()
    dialog.raise_()
    dialog.activateWindow()
