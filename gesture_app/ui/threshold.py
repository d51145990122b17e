"""One threshold: a slider and a number that follow each other."""

from __future__ import annotations

from PyQt6.QtCore import Qt, pyqtSignal
from PyQt6.QtWidgets import QDoubleSpinBox, QGridLayout, QLabel, QSlider, QWidget

STEPS = 100


class Threshold(QWidget):
    """A probability from 0 to 1 in steps of a hundredth.

    Signals:
        changed: carries the new value.
    """

    changed = pyqtSignal(float)

    def __init__(self, name: str, explanation: str, value: float, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._slider = QSlider(Qt.Orientation.Horizontal)
        self._slider.setRange(0, STEPS)
        self._slider.setPageStep(STEPS // 20)
        self._slider.setValue(round(value * STEPS))
        self._slider.setAccessibleName(name)
        self.number = QDoubleSpinBox()
        self.number.setRange(0.0, 1.0)
        self.number.setSingleStep(0.05)
        self.number.setDecimals(2)
        self.number.setValue(value)
        self.number.setKeyboardTracking(False)
        self.number.setAccessibleName(name)
        self.setToolTip(explanation)
        label = QLabel(name)
        label.setBuddy(self.number)

        grid = QGridLayout(self)
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setVerticalSpacing(2)
        grid.addWidget(label, 0, 0, 1, 2)
        grid.addWidget(self._slider, 1, 0)
        grid.addWidget(self.number, 1, 1)
        self._slider.valueChanged.connect(lambda steps: self.number.setValue(steps / STEPS))
        self.number.valueChanged.connect(self._follow_number)

    def value(self) -> float:
        """The threshold."""
        return self.number.value()

    def _follow_number(self, value: float) -> None:
        self._slider.blockSignals(True)
        self._slider.setValue(round(value * STEPS))
        self._slider.blockSignals(False)
        self.changed.emit(value)
