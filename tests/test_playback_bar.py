"""Play, step, and where a clip is."""

from __future__ import annotations

import pytest
from PyQt6.QtCore import QPoint, Qt
from PyQt6.QtWidgets import QMainWindow, QWidget

from gesture_app.ui.clock import clock_with_tenths
from gesture_app.ui.menus import Menus
from gesture_app.ui.playback_bar import PlaybackBar
from gesture_app.video.clips import Clip


@pytest.mark.parametrize(("time_s", "text"), [
    (-1.0, "0:00.0"), (0.0, "0:00.0"), (0.3, "0:00.3"), (59.99, "0:59.9"), (60.0, "1:00.0"), (3723.45, "1:02:03.4"),
])  # fmt: skip
def test_clock(time_s: float, text: str) -> None:
    assert clock_with_tenths(time_s) == text


@pytest.fixture
def bar(qtbot) -> PlaybackBar:
    bar = PlaybackBar()
    qtbot.addWidget(bar)
    bar.resize(600, 40)
    bar.show()
    return bar


@pytest.mark.parametrize(("clip", "at_s", "text", "enabled"), [
    (None, 3.0, "", False),
    (Clip(10.0, 0.04), 2.5, "0:02.5 / 0:10.0", True),
    (Clip(None, 0.04), 2.5, "0:02.5", False),
    (Clip(36.0, 3.0, 12), 3.0, "Picture 2 of 12", True),
    (Clip(36.0, 3.0, 12), 36.0, "Picture 12 of 12", True),
])  # fmt: skip
def test_where_it_is(bar: PlaybackBar, clip: Clip | None, at_s: float, text: str, enabled: bool) -> None:
    bar.set_clip(clip)
    bar.set_position(at_s)
    assert bar.label.text() == text and bar.slider.isEnabled() is enabled


@pytest.mark.parametrize(("duration_s", "moves"), [(20.0, 5), (1.0, 30), (7200.0, 4), (None, 30)])
def test_what_a_screen_reader_is_told_while_it_plays(
    qtbot, bar: PlaybackBar, duration_s: float | None, moves: int
) -> None:
    bar.set_clip(Clip(duration_s, 1 / 30))
    bar.set_playing(True)
    told: list[str] = []
    for number in range(30):
        bar.set_position(number / 30)
        told.append(bar.label.accessibleName())
        assert bar.label.text().startswith(clock_with_tenths(number / 30)), "to be seen it is as new as the picture"
    assert len(set(told)) <= moves and bar.slider.accessibleDescription() == "", "not one told thirty times a second"
    bar.set_playing(False)
    assert bar.label.accessibleName() == bar.slider.accessibleDescription() == bar.label.text()
    assert bar.slider.value() == (967 if duration_s else 0)
    bar.set_position(0.0, "cat.png")
    assert bar.slider.value() == 0 and bar.slider.accessibleDescription().endswith(" · cat.png"), "every single step"


def test_it_is_there_for_a_clip_while_it_is_wanted(bar: PlaybackBar) -> None:
    bar.hide()
    clip = Clip(10.0, 0.04)
    for wanted, given, seen in ((True, None, False), (True, clip, True), (False, clip, False), (False, None, False),
                                (False, clip, False), (True, clip, True), (True, None, False)):  # fmt: skip
        bar.set_wanted(wanted)
        bar.set_clip(given)
        assert bar.isVisible() is seen


def test_an_end_that_is_learned_late(bar: PlaybackBar) -> None:
    bar.set_clip(Clip(None, 0.04))
    bar.set_position(9.96)
    bar.set_clip(Clip(10.0, 0.04), 9.96)
    assert bar.slider.isEnabled() and bar.slider.value() == 9960 and bar.label.text() == "0:09.9 / 0:10.0"


def test_the_name_of_a_picture(bar: PlaybackBar) -> None:
    bar.set_clip(Clip(36.0, 3.0, 12))
    bar.set_position(3.0, "cat.png")
    assert bar.label.text() == "Picture 2 of 12 · cat.png"
    bar.set_position(6.0, f"{'long ' * 50}name.png")
    shown = bar.label.text()
    assert shown.startswith("Picture 3 of 12 · long") and shown.endswith("name.png") and len(shown) < 60
    assert bar.label.toolTip() == f"{'long ' * 50}name.png"
    width = bar.label.width()
    bar.set_position(9.0, "b.png")
    assert bar.label.minimumWidth() >= width > 0, "the slider stays where it is"
    bar.set_clip(Clip(10.0, 0.04))
    assert bar.label.text() == "0:00.0 / 0:10.0" and bar.label.minimumWidth() < width and not bar.label.toolTip()


def test_of_the_name_of_a_picture_there_is_as_much_as_has_room(qtbot) -> None:
    window = QWidget()
    qtbot.addWidget(window)
    bar = PlaybackBar(window)
    window.show()
    bar.set_clip(Clip(36.0, 3.0, 12))
    bar.set_position(3.0, f"{'long ' * 50}name.png")
    lengths = []
    for width in (900, 390, 900):
        bar.resize(width, bar.height())
        qtbot.waitUntil(lambda: bar.label.geometry().right() < bar.speed_button.x())
        lengths.append(len(bar.label.text()))
        assert bar.slider.geometry().right() < bar.label.x() and bar.repeat_button.geometry().right() < width
        assert bar.label.sizeHint().width() <= bar.label.width()
        assert bar.label.text().startswith("Picture 2 of 12 · l") and bar.minimumSizeHint().width() <= width
    assert lengths[0] == lengths[2] > lengths[1]


def test_what_is_asked_for(qtbot, bar: PlaybackBar) -> None:
    asked: list[object] = []
    bar.toggled.connect(lambda: asked.append("toggle"))
    bar.stepped.connect(asked.append)
    bar.set_clip(Clip(10.0, 0.04))
    for button in (bar.back_button, bar.play_button, bar.forward_button):
        qtbot.mouseClick(button, Qt.MouseButton.LeftButton)
    assert asked == [-1, "toggle", 1]
    bar.set_playing(True)
    assert bar.play_button.accessibleName() == "Pause"
    bar.set_playing(False)
    assert bar.play_button.accessibleName() == "Play"


def test_repeat_and_speed(qtbot, bar: PlaybackBar) -> None:
    window = QMainWindow()
    qtbot.addWidget(window)
    menus = Menus(window)
    chosen: list[float] = []
    menus.speed_chosen.connect(chosen.append)
    menus.speed_chosen.connect(bar.show_speed)
    bar.take_actions(menus.loop, menus.speed_menu)
    assert (bar.repeat_button.accessibleName(), bar.speed_button.text()) == ("Repeat", "1 ×")
    assert bar.speed_button.toolTip() == "Speed ([ ])"
    qtbot.mouseClick(bar.repeat_button, Qt.MouseButton.LeftButton)
    assert menus.loop.isChecked()
    menus.loop.trigger()
    assert not bar.repeat_button.isChecked() and bar.repeat_button.toolTip() == "Repeat (L)", "whatever changes"
    for action, count, text in ((menus.faster, 4, "2 ×"), (menus.slower, 6, "0.25 ×")):
        for _ in range(count):
            action.trigger()
        assert bar.speed_button.text() == text
    assert chosen == [1.5, 2.0, 1.5, 1.0, 0.5, 0.25]


def test_a_click_goes_there_and_a_drag_follows(qtbot, bar: PlaybackBar) -> None:
    sought: list[float] = []
    bar.sought.connect(sought.append)
    bar.set_clip(Clip(10.0, 0.04))
    slider = bar.slider
    middle = QPoint(slider.width() // 2, slider.height() // 2)
    qtbot.mousePress(slider, Qt.MouseButton.LeftButton, pos=middle)
    assert sought and sought[-1] == pytest.approx(5.0, abs=0.3)
    bar.set_position(1.0)
    assert slider.value() > 4000, "while it is held it does not follow the film"
    qtbot.mouseMove(slider, QPoint(slider.width() * 3 // 4, middle.y()))
    qtbot.mouseRelease(slider, Qt.MouseButton.LeftButton, pos=QPoint(slider.width() * 3 // 4, middle.y()))
    assert sought[-1] == pytest.approx(7.5, abs=0.4)
    bar.set_position(1.0)
    assert slider.value() == 1000
    count = len(sought)
    bar.set_position(2.0)
    assert len(sought) == count, "showing a position is no wish"
    slider.setFocus()
    qtbot.keyClick(slider, Qt.Key.Key_Right)
    assert sought[-1] == pytest.approx(3.0)
