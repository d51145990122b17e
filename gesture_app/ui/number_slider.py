"""A slider and a number that follow each other."""

from __future__ import annotations

from PyQt6.QtCore import QSignalBlocker, Qt, pyqtSignal
from PyQt6.QtWidgets import QDoubleSpinBox, QGridLayout, QLabel, QSlider, QWidget

from gesture_app.ui.menu_texts import plain

STEPS_PER_UNIT = 100
ROOM_PX = 62  # for the edges and buttons of a field; sliders below each other end at the same place


class NumberSlider(QWidget):
    """A number from 0 on, in steps of a hundredth.

    Args:
        name: with an & before the letter that leads here.
        explanation: the tool tip.
        highest: the greatest number.
        unit: written behind the number, with a space before it.

    Signals:
        changed: the user has set another number, which it carries.
    """

    changed = pyqtSignal(float)

    def __init__(
        self, name: str, explanation: str, highest: float = 1.0, unit: str = "", parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        spoken = plain(name)
        self.slider = QSlider(Qt.Orientation.Horizontal)
        self.slider.setRange(0, round(highest * STEPS_PER_UNIT))
        self.slider.setPageStep(round(highest * STEPS_PER_UNIT) // 20)
        self.slider.setAccessibleName(spoken)
        self.slider.setAccessibleDescription(explanation)
        self.slider.setMinimumWidth(80)
        self.number = QDoubleSpinBox()
        self.number.setRange(0.0, highest)
        self.number.setSingleStep(0.05)
        self.number.setDecimals(2)
        self.number.setSuffix(unit)
        self.number.setKeyboardTracking(False)
        self.number.setAccessibleName(spoken)
        self.number.setMinimumWidth(self.fontMetrics().horizontalAdvance("0.00 s") + ROOM_PX)
        self.setToolTip(explanation)
        label = QLabel(name)
        label.setBuddy(self.number)

        grid = QGridLayout(self)
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setVerticalSpacing(2)
        grid.addWidget(label, 0, 0, 1, 2)
        grid.addWidget(self.slider, 1, 0)
        grid.addWidget(self.number, 1, 1)
        self.slider.valueChanged.connect(lambda steps: self.number.setValue(steps / STEPS_PER_UNIT))
        self.number.valueChanged.connect(self._follow_number)

    def value(self) -> float:
        """The number."""
        return self.number.value()

    def set_value(self, value: float) -> None:
        """Show this number, without a signal."""
        with QSignalBlocker(self):
            self.number.setValue(value)

    def _follow_number(self, value: float) -> None:
        with QSignalBlocker(self.slider):
            self.slider.setValue(round(value * STEPS_PER_UNIT))
        self.changed.emit(value)
