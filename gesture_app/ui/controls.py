"""The row below the picture: thresholds, how many hands, mirror."""

from __future__ import annotations

from dataclasses import replace

from PyQt6.QtCore import Qt, pyqtSignal
from PyQt6.QtWidgets import QCheckBox, QHBoxLayout, QLabel, QSpinBox, QVBoxLayout, QWidget

from gesture_app.ui.threshold import Threshold
from gesture_app.vision.hands import RecognizerOptions

MOST_HANDS = 10


class Controls(QWidget):
    """Shows and changes what acts at once.

    Signals:
        changed: `options()` or `mirror` has another value.
    """

    changed = pyqtSignal()

    def __init__(self, options: RecognizerOptions, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._start_options = options
        self.hand = Threshold(
            self.tr("&Hand threshold"),
            self.tr("How certain the detector must be that something is a hand"),
            options.detector_threshold,
        )
        self.gesture = Threshold(
            self.tr("&Gesture threshold"),
            self.tr("How certain a gesture must be to be named; below it the hand shows “no gesture”"),
            options.label_threshold,
        )
        self.most_hands = QSpinBox()
        self.most_hands.setRange(1, max(MOST_HANDS, options.max_hands))
        self.most_hands.setValue(options.max_hands)
        self.most_hands.setAccessibleName(self.tr("Maximum hands"))
        self.mirror = QCheckBox(self.tr("&Mirror"))
        self.mirror.setToolTip(self.tr("Show the picture as in a mirror; names stay readable (M)"))

        hands_label = QLabel(self.tr("Ma&ximum hands"))
        hands_label.setBuddy(self.most_hands)
        hands = QVBoxLayout()
        hands.setSpacing(2)
        hands.addWidget(hands_label)
        hands.addWidget(self.most_hands)

        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(24)
        row.addWidget(self.hand, 1)
        row.addWidget(self.gesture, 1)
        row.addLayout(hands)
        row.addWidget(self.mirror, 0, Qt.AlignmentFlag.AlignBottom)

        self.hand.changed.connect(self.changed)
        self.gesture.changed.connect(self.changed)
        self.most_hands.valueChanged.connect(self.changed)
        self.mirror.toggled.connect(self.changed)

    def options(self) -> RecognizerOptions:
        """The options as the controls stand."""
        return replace(
            self._start_options,
            detector_threshold=self.hand.value(),
            label_threshold=self.gesture.value(),
            max_hands=self.most_hands.value(),
        )
