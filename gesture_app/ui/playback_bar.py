"""The row below the picture of a clip: play, step, and where it is."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PyQt6.QtCore import QSize, Qt, pyqtSignal
from PyQt6.QtGui import QAction, QFontMetrics, QMouseEvent, QResizeEvent
from PyQt6.QtWidgets import QHBoxLayout, QLabel, QMenu, QSlider, QStyle, QStyleOptionSlider, QToolButton, QWidget

from gesture_app.ui.clock import clock_with_tenths
from gesture_app.ui.icons import icon
from gesture_app.ui.menu_texts import native, plain, shown_speed

if TYPE_CHECKING:
    from gesture_app.video.clips import Clip

STEPS_PER_S = 1000
PAGE_S = 5
MOVED_EVERY_S, FEWEST_MOVES = 0.25, 100
"""The slider moves after so much of a clip, in a short one so many times: screen readers are told of every move."""
NAME_CHARACTERS = 32
OVER_PICTURE_PX = 6
ARROW_BESIDE_TEXT = """
QToolButton { padding-right: 16px; }
QToolButton::menu-indicator { subcontrol-origin: border; subcontrol-position: center right; right: 4px; }
"""


class SeekSlider(QSlider):
    """A slider that goes where it is clicked."""

    def mousePressEvent(self, event: QMouseEvent | None) -> None:
        """Put the handle below the mouse, and begin to drag it."""
        if event is not None and event.button() == Qt.MouseButton.LeftButton and not self._on_handle(event):
            value = QStyle.sliderValueFromPosition(
                self.minimum(), self.maximum(), round(event.position().x()), self.width()
            )
            self.setSliderDown(True)
            self.setSliderPosition(value)
        super().mousePressEvent(event)

    def _on_handle(self, event: QMouseEvent) -> bool:
        option = QStyleOptionSlider()
        self.initStyleOption(option)
        style = self.style()
        assert style is not None
        handle = style.subControlRect(QStyle.ComplexControl.CC_Slider, option, QStyle.SubControl.SC_SliderHandle, self)
        return handle.contains(event.position().toPoint())


class PlaybackBar(QWidget):
    """Shows and changes where a clip is; hidden where there is none, or while `set_wanted` says so.

    Signals:
        toggled: play or pause was asked for.
        stepped: carries a number of frames, below zero for back.
        sought: carries a time in seconds.
    """

    toggled = pyqtSignal()
    stepped = pyqtSignal(int)
    sought = pyqtSignal(float)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setLayoutDirection(Qt.LayoutDirection.LeftToRight)  # as time runs, in players of all languages
        self._clip: Clip | None = None
        self._wanted = True
        self._time_s = self._moved_s = 0.0
        self._playing = False
        self._time_px = self._name_px = 0  # what the widest time needs, and the widest name of a picture that was shown
        self.back_button = self._button("step-back", self.tr("Frame back"), self.tr("One frame back (Left)"))
        self.play_button = self._button("play", self.tr("Play"), self.tr("Play (Space)"))
        self.forward_button = self._button("step-forward", self.tr("Frame forward"), self.tr("One frame on (Right)"))
        self.slider = SeekSlider(Qt.Orientation.Horizontal)
        self.slider.setEnabled(False)
        self.slider.setSingleStep(STEPS_PER_S)
        self.slider.setPageStep(PAGE_S * STEPS_PER_S)
        self.slider.setAccessibleName(self.tr("Position"))
        self.slider.setToolTip(self.tr("Position; drag it, or Ctrl+Left and Ctrl+Right for five seconds"))
        self.label = QLabel()
        self.label.setTextFormat(Qt.TextFormat.PlainText)
        self.label.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)

        self.speed_button = QToolButton()
        self.speed_button.setAutoRaise(True)
        self.speed_button.setStyleSheet(ARROW_BESIDE_TEXT)
        self.speed_button.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        self.speed_button.setAccessibleName(self.tr("Speed"))
        self.repeat_button = QToolButton()
        self.repeat_button.setAutoRaise(True)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        for button in (self.back_button, self.play_button, self.forward_button):
            row.addWidget(button)
        row.addWidget(self.slider, 1)
        row.addWidget(self.label)
        for button in (self.speed_button, self.repeat_button):
            row.addWidget(button)

        self.back_button.clicked.connect(lambda: self.stepped.emit(-1))
        self.play_button.clicked.connect(self.toggled)
        self.forward_button.clicked.connect(lambda: self.stepped.emit(1))
        self.slider.actionTriggered.connect(self._seek)
        self.set_playing(False)
        self.show_speed(1.0)
        self.hide()

    def take_actions(self, repeat: QAction, speeds: QMenu) -> None:
        """Let buttons show and change what these are about."""
        self.repeat_button.setDefaultAction(repeat)
        self.repeat_button.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonIconOnly)
        self.repeat_button.setAccessibleName(plain(repeat.text()))
        self.speed_button.setMenu(speeds)
        metrics = self.speed_button.fontMetrics()  # the slider must not jump with the speed
        widest_px = max(metrics.horizontalAdvance(action.text()) for action in speeds.actions() if action.isCheckable())
        self.speed_button.setMinimumWidth(widest_px + metrics.height() + 12)
        keys = " ".join(native(action.shortcut()) for action in speeds.actions() if not action.shortcut().isEmpty())
        self.speed_button.setToolTip(self.tr("Speed ({keys})").format(keys=keys))

    def show_speed(self, speed: float) -> None:
        """Show how many seconds of a clip are shown in one."""
        self.speed_button.setText(shown_speed(speed))

    def set_over_picture(self, over: bool) -> None:
        """Lie over a picture, with a ground of its own, or beside it."""
        self.setAutoFillBackground(over)
        side_px = OVER_PICTURE_PX if over else 0
        self.setContentsMargins(2 * side_px, side_px, 2 * side_px, side_px)

    def set_wanted(self, wanted: bool) -> None:
        """Whether it is to be seen at all."""
        self._wanted = wanted
        self.setVisible(wanted and self._clip is not None)

    def set_clip(self, clip: Clip | None, time_s: float = 0.0) -> None:
        """Take the length of a clip, and where it is; None for a source that has none."""
        if clip == self._clip:
            return
        self._clip = clip
        self.setVisible(self._wanted and clip is not None)
        duration_s = clip.duration_s if clip is not None else None
        self.slider.setEnabled(duration_s is not None)
        self.slider.setRange(0, round((duration_s or 0.0) * STEPS_PER_S))
        metrics = QFontMetrics(self.label.font())
        self._time_px = metrics.horizontalAdvance(self._text(duration_s or 0.0).replace("1", "0"))
        self._name_px = 0
        self.label.setMinimumWidth(self._time_px)
        self.set_position(time_s)
        self._move()

    def set_position(self, time_s: float, name: str = "") -> None:
        """Show this time, and the name of the picture that is shown then, unless the user holds the slider."""
        if self.slider.isSliderDown():
            return
        self._time_s = time_s
        self.label.setToolTip(name)
        self._write()
        duration_s = self.slider.maximum() / STEPS_PER_S
        if not self._playing or abs(time_s - self._moved_s) >= min(MOVED_EVERY_S, duration_s / FEWEST_MOVES):
            self._move()

    def resizeEvent(self, event: QResizeEvent | None) -> None:
        """Show as much of a picture's name as has room."""
        super().resizeEvent(event)
        self._write()

    def minimumSizeHint(self) -> QSize:
        """Room for all but the names of pictures."""
        return super().minimumSizeHint() - QSize(self.label.minimumWidth() - self._time_px, 0)

    def set_playing(self, playing: bool) -> None:
        """Turn the middle button into what it does next."""
        self._playing = playing
        self._move()
        self.play_button.setIcon(icon("pause" if playing else "play"))
        self.play_button.setAccessibleName(self.tr("Pause") if playing else self.tr("Play"))
        self.play_button.setToolTip(self.tr("Pause (Space)") if playing else self.tr("Play (Space)"))

    def _move(self) -> None:
        """Bring the slider, and what screen readers tell, to where the clip is."""
        if self.slider.isSliderDown():
            return
        self._moved_s = self._time_s
        self.slider.setValue(round(self._time_s * STEPS_PER_S))
        told = " · ".join(filter(None, (self._text(self._time_s), self.label.toolTip())))
        self.label.setAccessibleName(told)
        self.slider.setAccessibleDescription("" if self._playing else told)  # read at every change while in focus

    def _seek(self, _action: int) -> None:
        time_s = self.slider.sliderPosition() / STEPS_PER_S
        self.label.setText(self._text(time_s))
        self.sought.emit(time_s)

    def _write(self) -> None:
        text, name = self._text(self._time_s), self.label.toolTip()
        if name:
            metrics, room_px = self.label.fontMetrics(), self.width() - self.minimumSizeHint().width()
            name_px = min(NAME_CHARACTERS * metrics.averageCharWidth(), room_px - metrics.horizontalAdvance(" · "))
            name = f" · {metrics.elidedText(name, Qt.TextElideMode.ElideMiddle, name_px)}"
            # Others are as long or shorter: the slider must not jump with every picture.
            self._name_px = max(self._name_px, metrics.horizontalAdvance(name))
            self.label.setMinimumWidth(self._time_px + max(0, min(self._name_px, room_px)))
        self.label.setText(text + name)

    def _text(self, time_s: float) -> str:
        if self._clip is None:
            return ""
        if self._clip.pictures is not None:
            number = min(int(time_s / self._clip.frame_s) + 1, self._clip.pictures)
            return self.tr("Picture {number} of {count}").format(number=number, count=self._clip.pictures)
        if self._clip.duration_s is None:
            return clock_with_tenths(time_s)
        return f"{clock_with_tenths(time_s)} / {clock_with_tenths(self._clip.duration_s)}"

    def _button(self, name: str, title: str, explanation: str) -> QToolButton:
        button = QToolButton()
        button.setIcon(icon(name))
        button.setAccessibleName(title)
        button.setToolTip(explanation)
        button.setAutoRaise(True)
        button.setAutoRepeat(name != "play")
        return button
