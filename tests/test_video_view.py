"""How the picture is laid into the widget, painted and dragged."""

from __future__ import annotations

import pytest
from PyQt6.QtCore import QPoint, Qt
from PyQt6.QtGui import QColor, QImage, QPalette
from PyQt6.QtTest import QTest

from gesture_app.ui.banner import Banner, Look
from gesture_app.ui.video_view import BACKGROUND, VideoView


def picture(width: int, height: int) -> QImage:
    """Red on the left, blue on the right."""
    image = QImage(width, height, QImage.Format.Format_RGB32)
    image.fill(QColor("red"))
    for x in range(width // 2, width):
        for y in range(height):
            image.setPixelColor(x, y, QColor("blue"))
    return image


@pytest.fixture
def view(qtbot) -> VideoView:
    view = VideoView()
    qtbot.addWidget(view)
    view.setMinimumSize(1, 1)
    return view


@pytest.mark.parametrize("mode", ["fit", "fill", "actual"])
def test_without_a_picture(view, mode):
    view.set_mode(mode)
    view.resize(50, 50)
    assert view.picture_rect().isEmpty()
    assert view.grab().toImage().pixelColor(25, 25) == BACKGROUND


@pytest.mark.parametrize(
    ("mode", "size_wh", "place"),
    [
        ("fit", (400, 200), (100, 0, 200, 200)),
        ("fit", (300, 600), (0, 150, 300, 300)),
        ("fill", (400, 200), (0, -100, 400, 400)),
        ("fill", (300, 600), (-150, 0, 600, 600)),
        ("actual", (400, 200), (150, 50, 100, 100)),
        ("actual", (40, 200), (-30, 50, 100, 100)),
    ],
)
def test_place(view, mode, size_wh, place):
    view.set_mode(mode)
    view.resize(*size_wh)
    view.show_picture(picture(100, 100), None)
    assert view.picture_rect().getRect() == pytest.approx(place, abs=1)
    grabbed = view.grab().toImage()
    left, middle = max(0, place[0]) + 1, size_wh[1] // 2
    assert grabbed.pixelColor(left, middle) == QColor("red")
    assert grabbed.pixelColor(size_wh[0] - left - 1, middle) == QColor("blue")


def test_dragging_reaches_the_edges_and_no_further(view):
    view.set_mode("actual")
    view.resize(60, 60)
    view.show_picture(picture(200, 40), None)
    for way, left in ((30, -40), (500, 0), (-5000, -140)):
        QTest.mousePress(view, Qt.MouseButton.LeftButton, pos=QPoint(30, 30))
        QTest.mouseMove(view, QPoint(30 + way, 30))
        QTest.mouseRelease(view, Qt.MouseButton.LeftButton, pos=QPoint(30 + way, 30))
        assert (view.picture_rect().left(), view.picture_rect().top()) == (left, 10)
    view.set_mode("fit")
    assert view.picture_rect().getRect() == (0, 24, 60, 12)


def test_shift_and_arrows_move_the_picture(view):
    view.set_mode("fill")
    view.resize(60, 60)
    view.show_picture(picture(200, 60), None)
    before = view.picture_rect().left()
    QTest.keyClick(view, Qt.Key.Key_Right, Qt.KeyboardModifier.ShiftModifier)
    assert view.picture_rect().left() == before - 40
    QTest.keyClick(view, Qt.Key.Key_Left)
    assert view.picture_rect().left() == before - 40, "an arrow alone belongs to the window"


def test_the_cursor_tells_what_can_be_dragged(view):
    view.resize(60, 60)
    view.show_picture(picture(200, 40), None)
    assert view.cursor().shape() == Qt.CursorShape.ArrowCursor
    view.set_mode("fill")
    assert view.cursor().shape() == Qt.CursorShape.OpenHandCursor
    view.clear_picture()
    assert view.cursor().shape() == Qt.CursorShape.ArrowCursor


def test_a_small_picture_on_a_large_screen(view):
    view.resize(2400, 1300)
    view.show_picture(picture(320, 180), None)
    grabbed = view.grab().toImage()
    rect = view.picture_rect().toRect()
    assert grabbed.pixelColor(rect.left() + 2, 2) == QColor("red")
    assert grabbed.pixelColor(rect.right() - 2, 1297) == QColor("blue")


def test_a_picture_is_told_once_when_painted(view):
    painted = []
    view.painted.connect(painted.append)
    view.show_picture(picture(5, 5), 12.5)
    view.grab()
    view.grab()
    view.show_picture(picture(5, 5), None)
    view.grab()
    assert painted == [12.5]


@pytest.mark.parametrize("look", list(Look))
def test_a_banner_dims_the_picture_or_stands_aside(view, look):
    view.resize(400, 400)
    view.show_picture(picture(100, 100), None)
    view.show_banner(Banner("The video has ended", "Press Space to play it again.", look))
    grabbed = view.grab().toImage()
    assert (grabbed.pixelColor(20, 380) == QColor("red")) is (look is Look.ASIDE)
    assert (grabbed.pixelColor(180, 240) == QColor("red")) is (look is Look.ASIDE), "the middle is free"


def test_what_is_told_is_the_description_which_screen_readers_read_when_it_changes(view):
    for banner, description in (
        (Banner("No picture", "It is busy."), "No picture. It is busy."),
        (Banner("Opening a.mp4…"), "Opening a.mp4…"),
        (None, ""),
    ):
        view.show_banner(banner)
        assert view.accessibleDescription() == description
    view.tell("palm left")
    assert view.accessibleDescription() == "palm left"


def test_the_focus_is_seen_by_those_who_come_by_the_tab_key(view, qtbot):
    view.show()
    view.activateWindow()
    qtbot.waitUntil(view.isActiveWindow)
    highlight = view.palette().color(QPalette.ColorRole.Highlight)
    for reason, framed in (
        (Qt.FocusReason.OtherFocusReason, False),
        (Qt.FocusReason.TabFocusReason, True),
        (Qt.FocusReason.BacktabFocusReason, True),
        (Qt.FocusReason.MouseFocusReason, False),
    ):
        view.setFocus(reason)
        qtbot.waitUntil(view.hasFocus)
        assert (view.grab().toImage().pixelColor(1, 1) == highlight) is framed
        view.clearFocus()
