"""The panel of controls: everything in the settings that acts at once."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields, replace
from typing import Any, NamedTuple

from PyQt6.QtCore import QEvent, QObject, QSignalBlocker, QSize, Qt, pyqtSignal
from PyQt6.QtGui import QFocusEvent
from PyQt6.QtWidgets import (
    QAbstractButton,
    QAbstractItemView,
    QCheckBox,
    QComboBox,
    QFormLayout,
    QFrame,
    QGroupBox,
    QLabel,
    QPushButton,
    QScrollArea,
    QSlider,
    QSpinBox,
    QVBoxLayout,
    QWidget,
)

from gesture_app.settings import LONGEST_SMOOTHING_S, Settings
from gesture_app.ui.cameras import USUAL_SIZES_WH
from gesture_app.ui.desktop import is_sure
from gesture_app.ui.folder_box import FolderBox
from gesture_app.ui.gesture_list import GestureList
from gesture_app.ui.menu_texts import plain
from gesture_app.ui.model_box import ModelBox
from gesture_app.ui.number_slider import NumberSlider
from gesture_app.ui.wheel_guard import WheelGuard
from gesture_app.vision.hands import MOST_HANDS
from gesture_app.vision.labels import HAGRID_LABELS
from gesture_app.vision.style import OverlayStyle


class Field(NamedTuple):
    """How one setting is read from the panel and written to it."""

    read: Callable[[], Any]
    write: Callable[[Any], object]


class Controls(QScrollArea):
    """Shows and changes the settings.

    Args:
        settings: what to show first.

    Signals:
        changed: the user has changed something; carries the new `Settings`.
        check_requested: the user wants to know what works on this computer.
    """

    changed = pyqtSignal(object)
    check_requested = pyqtSignal()

    def __init__(self, settings: Settings, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._settings = settings
        self._fields: dict[str, Field] = {}
        self._overlay: dict[str, QCheckBox] = {}
        self.gestures = GestureList(HAGRID_LABELS)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setWidgetResizable(True)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        panel = QWidget()
        column = QVBoxLayout(panel)
        column.setContentsMargins(12, 4, 12, 12)
        column.setSpacing(10)
        for box in (self._recognition(), self._picture(), self._shown(), self._model(), self._program()):
            column.addWidget(box)
        column.addStretch(1)
        self.setWidget(panel)
        WheelGuard(self).watch(panel)
        for part in panel.findChildren((QAbstractButton, QSlider, QComboBox, QAbstractItemView)):
            part.setFocusPolicy(Qt.FocusPolicy.TabFocus)  # a click leaves Space and the arrows to the window
        for part in panel.findChildren(QWidget):
            part.installEventFilter(self)
        self.set_settings(settings)

    def set_settings(self, settings: Settings) -> None:
        """Show other settings, without a signal."""
        self._settings = settings
        for name, field in self._fields.items():
            field.write(getattr(settings, name))

    def sizeHint(self) -> QSize:
        """Somewhat wider than its contents need."""
        return QSize(max(self.minimumSizeHint().width(), 46 * self.fontMetrics().averageCharWidth()), 480)

    def minimumSizeHint(self) -> QSize:
        """As wide as its contents, so that they need no scrolling sideways; any height."""
        panel = self.widget()
        bar = self.verticalScrollBar()
        assert panel is not None and bar is not None
        return QSize(panel.minimumSizeHint().width() + bar.sizeHint().width(), 120)

    def eventFilter(self, watched: QObject | None, event: QEvent | None) -> bool:
        """Scroll to what was reached by its letter; Qt does so for the Tab key alone."""
        if (
            isinstance(event, QFocusEvent)
            and event.reason() is Qt.FocusReason.ShortcutFocusReason
            and event.gotFocus()
            and isinstance(watched, QWidget)
        ):
            self.ensureWidgetVisible(watched)
        return super().eventFilter(watched, event)

    def _recognition(self) -> QGroupBox:
        self.hand = NumberSlider(
            self.tr("Hand threshold"), self.tr("How certain the detector must be that something is a hand")
        )
        self.gesture = NumberSlider(
            self.tr("Gesture threshold"),
            self.tr("How certain a gesture must be to be named; below it the hand shows “no gesture”"),
        )
        self.smoothing = NumberSlider(
            self.tr("Smoothing"),
            self.tr("Over how many seconds a gesture is averaged: more is calmer, less is quicker"),
            LONGEST_SMOOTHING_S,
            self.tr(" s"),
        )
        self.most_hands = QSpinBox()
        self.most_hands.setRange(1, MOST_HANDS)
        self.most_hands.setAccessibleName(self.tr("Maximum hands"))
        self.most_hands.setToolTip(self.tr("At most so many hands are shown, the surest ones"))
        self._bind_slider("detector_threshold", self.hand)
        self._bind_slider("label_threshold", self.gesture)
        self._bind_slider("smoothing_s", self.smoothing)
        self._bind("max_hands", self.most_hands.value, self.most_hands.setValue, self.most_hands.valueChanged)
        return self._group(
            self.tr("Recognition"),
            self.hand,
            self.gesture,
            self.smoothing,
            self._row(self.tr("Ma&ximum hands"), self.most_hands),
        )

    def _picture(self) -> QGroupBox:
        texts = {
            "labels": (self.tr("&Names"), self.tr("The name of the gesture and how certain it is")),
            "ids": (self.tr("Hand n&umbers"), self.tr("A number that stays with the hand")),
            "top": (self.tr("Three &best guesses"), self.tr("Bars of the three most probable gestures")),
            "trails": (self.tr("T&rails"), self.tr("Where every hand was in the last second")),
        }
        for name, (text, explanation) in texts.items():
            self._overlay[name] = self._check(text, explanation)
            self._overlay[name].toggled.connect(lambda _on: self._emit("overlay"))
        self._fields["overlay"] = Field(self._read_overlay, self._write_overlay)
        return self._group(
            self.tr("Picture"),
            *self._overlay.values(),
            self._bound_check("blur", self.tr("Blur the rest"), self.tr("Blur everything but the hands")),
            self._bound_check("mirror_cameras", self.tr("&Mirror cameras"), self.tr("As in a mirror")),
            self._bound_check("mirror_files", self.tr("Mirror videos and streams"), self.tr("Swap left and right")),
            self._bound_check(
                "brighten",
                self.tr("Brighten dark pictures"),
                self.tr("What you see in a dim room; hands are recognized in the picture as it is"),
            ),
            self._row(self.tr("&Camera picture"), self._sizes()),
        )

    def _sizes(self) -> QComboBox:
        self.camera_size = QComboBox()
        self.camera_size.addItem(self.tr("Automatic"), None)
        for width, height in USUAL_SIZES_WH:
            self.camera_size.addItem(f"{width} × {height}", (width, height))
        self._bind_choice("camera_size_wh", self.camera_size)
        return self.camera_size

    def _shown(self) -> QGroupBox:
        self._bind("hidden_labels", self.gestures.hidden, self.gestures.set_hidden, self.gestures.changed)
        return self._group(self.tr("Gestures shown"), self.gestures)

    def _model(self) -> QGroupBox:
        self.model = ModelBox()
        self._bind("weights", self.model.weights, self.model.set_weights, self.model.weights_changed)
        self._bind_choice("device", self.model.device)
        self._bind_choice("runtime", self.model.runtime)
        return self._group(self.tr("Model"), self.model)

    def _program(self) -> QGroupBox:
        self.theme = QComboBox()
        for text, value in (
            (self.tr("As the system"), "system"),
            (self.tr("Light"), "light"),
            (self.tr("Dark"), "dark"),
        ):
            self.theme.addItem(text, value)
        self._bind_choice("theme", self.theme)
        self.folder = FolderBox(self.tr("Recordings and snapshots"), Settings().recordings())
        self._bind("record_folder", self.folder.folder, self.folder.set_folder, self.folder.changed)
        self.check_button = QPushButton(self.tr("Chec&k this computer…"))
        self.check_button.setToolTip(self.tr("Cameras, graphics card, networks and codecs, and how to mend them"))
        self.check_button.clicked.connect(self.check_requested)
        self.reset_button = QPushButton(self.tr("Reset to defaults…"))
        self.reset_button.setToolTip(self.tr("Everything in this panel as it was at the first start"))
        self.reset_button.clicked.connect(self._reset)
        return self._group(
            self.tr("Program"),
            self._row(self.tr("Co&lours"), self.theme),
            self._bound_check("sounds", self.tr("Sounds"), self.tr("A short sound when a gesture begins")),
            self._bound_check(
                "record_clean", self.tr("Record &without drawing"), self.tr("Recordings leave out boxes and names")
            ),
            self._row(self.tr("Recordings &in"), self.folder),
            self.check_button,
            self.reset_button,
        )

    def _bind(self, name: str, read: Callable[[], Any], write: Callable[[Any], object], signal: Any) -> None:
        self._fields[name] = Field(read, write)
        signal.connect(lambda *_: self._emit(name))

    def _bind_slider(self, name: str, slider: NumberSlider) -> None:
        self._bind(name, slider.value, slider.set_value, slider.changed)

    def _bind_choice(self, name: str, box: QComboBox) -> None:
        box.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)

        def write(value: Any) -> None:
            choices = [box.itemData(row) for row in range(box.count())]  # findData does not find tuples
            if value not in choices:  # from a file that was edited by hand
                box.addItem(" × ".join(map(str, value)) if isinstance(value, tuple) else str(value), value)
                choices.append(value)
            box.setCurrentIndex(choices.index(value))

        self._bind(name, box.currentData, write, box.currentIndexChanged)

    def _bound_check(self, name: str, text: str, explanation: str) -> QCheckBox:
        check = self._check(text, explanation)
        self._bind(name, check.isChecked, check.setChecked, check.toggled)
        return check

    def _emit(self, name: str) -> None:
        """One control has changed; nothing is told while the panel itself writes what it is given."""
        value = self._fields[name].read()
        if value != getattr(self._settings, name):
            self._settings = replace(self._settings, **{name: value})
            self.changed.emit(self._settings)

    def _reset(self) -> None:
        question = self.tr("Set everything in this panel back, also the model, the colours and the folder?")
        if is_sure(self, self.tr("Reset to defaults"), question):
            usual = Settings()
            self.set_settings(replace(self._settings, **{name: getattr(usual, name) for name in self._fields}))
            self.changed.emit(self._settings)

    def _read_overlay(self) -> OverlayStyle:
        return OverlayStyle(**{name: check.isChecked() for name, check in self._overlay.items()})

    def _write_overlay(self, style: OverlayStyle) -> None:
        for field in fields(style):
            with QSignalBlocker(check := self._overlay[field.name]):
                check.setChecked(getattr(style, field.name))

    @staticmethod
    def _check(text: str, explanation: str) -> QCheckBox:
        check = QCheckBox(text)
        check.setToolTip(explanation)
        check.setAccessibleDescription(explanation)
        return check

    @staticmethod
    def _row(text: str, editor: QWidget) -> QWidget:
        row = QWidget()
        form = QFormLayout(row)
        form.setContentsMargins(0, 0, 0, 0)
        form.setRowWrapPolicy(QFormLayout.RowWrapPolicy.WrapLongRows)
        form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
        label = QLabel(text)
        label.setBuddy(editor)
        label.setContentsMargins(0, 3, 0, 3)  # a label that is much lower than its field is put at the top by Qt
        form.addRow(label, editor)
        if not editor.accessibleName():
            editor.setAccessibleName(plain(text))
        return row

    @staticmethod
    def _group(title: str, *parts: QWidget) -> QGroupBox:
        box = QGroupBox(title)
        column = QVBoxLayout(box)
        column.setContentsMargins(0, 4, 0, 4)
        column.setSpacing(8)
        for part in parts:
            column.addWidget(part)
        return box
