"""Which networks recognize, and what runs them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from PyQt6.QtCore import QSignalBlocker, pyqtSignal
from PyQt6.QtWidgets import QComboBox, QFileDialog, QFormLayout, QMessageBox, QWidget

from gesture_app.ui.wheel_guard import ActingBox
from gesture_app.vision.model_folders import missing_files

BROWSE = None
"""The data of the entry that opens a dialog."""


class ModelBox(QWidget):
    """Choices of model, device and runtime.

    Signals:
        weights_changed: the user has chosen another model.
    """

    weights_changed = pyqtSignal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._weights = ""
        self._models: list[tuple[str, str]] = []
        self.model = self._combo(self.tr("Model"), ())
        self.device = self._combo(
            self.tr("Device"),
            ((self.tr("Automatic"), "auto"), (self.tr("CPU"), "cpu"), (self.tr("GPU (CUDA)"), "cuda")),
        )
        self.runtime = self._combo(
            self.tr("Runtime"),
            (
                (self.tr("Automatic"), "auto"),
                ("PyTorch", "torch"),
                ("OpenVINO", "openvino"),
                ("ONNX Runtime", "onnx"),
                ("TensorRT", "tensorrt"),
            ),
        )
        form = QFormLayout(self)
        form.setContentsMargins(0, 0, 0, 0)
        form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
        form.addRow(self.tr("Model"), self.model)
        form.addRow(self.tr("&Device"), self.device)
        form.addRow(self.tr("Runtim&e"), self.runtime)
        self._list_models()
        self.model.activated.connect(self._take_model)

    def weights(self) -> str:
        """The folder of the chosen model; empty for the one that comes with the program."""
        return self._weights

    def set_weights(self, folder: str) -> None:
        """Show this model, without a signal."""
        self._weights = folder
        self._list_models()

    def set_models(self, models: Sequence[tuple[str, str]]) -> None:
        """Offer these, names and folders, besides the one that comes with the program."""
        self._models = list(models)
        self._list_models()

    def _list_models(self) -> None:
        with QSignalBlocker(self.model):
            self.model.clear()
            self.model.addItem(self.tr("Built in"), "")
            for name, folder in self._models:
                self.model.addItem(name, folder)
            if self._weights and self.model.findData(self._weights) < 0:
                self.model.addItem(Path(self._weights).name, self._weights)
            self.model.insertSeparator(self.model.count())
            self.model.addItem(self.tr("Other folder…"), BROWSE)
            self.model.setCurrentIndex(self.model.findData(self._weights))
        self.model.setToolTip(self._weights)

    def _take_model(self, index: int) -> None:
        folder = self.model.itemData(index)
        if folder is BROWSE:
            folder = self._browse() or self._weights
        changed = folder != self._weights
        self.set_weights(folder)
        if changed:
            self.weights_changed.emit()

    def _browse(self) -> str:
        """A folder that holds both networks, or nothing."""
        folder = QFileDialog.getExistingDirectory(self, self.tr("Folder with your own model"), self._weights)
        missing = missing_files(Path(folder)) if folder else []
        if missing:
            text = self.tr("There is no model in {folder}: {files} is missing.")
            QMessageBox.warning(self, self.tr("No model"), text.format(folder=folder, files=missing[0]))
        return "" if missing else folder

    def _combo(self, name: str, choices: Sequence[tuple[str, str]]) -> QComboBox:
        box = ActingBox()  # networks are loaded for every choice
        box.setAccessibleName(name)
        box.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        box.setMinimumContentsLength(10)
        for text, value in choices:
            box.addItem(text, value)
        return box
