"""Drawings of all gestures, and the pages that show them."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest
from PyQt6.QtCore import QRectF, Qt
from PyQt6.QtGui import QColor, QImage, QPainter
from PyQt6.QtWidgets import QLabel, QPushButton

from gesture_app.ui.cameras import Camera
from gesture_app.ui.gesture_drawing import GestureDrawing, gesture_icon, paint_gesture
from gesture_app.ui.gesture_gallery import GestureGallery, GesturesDialog
from gesture_app.ui.gesture_list import GestureList
from gesture_app.ui.hand_shapes import SHAPES, outlines
from gesture_app.ui.pictures import from_qimage
from gesture_app.ui.welcome import WelcomePage
from gesture_app.vision.labels import HAGRID_GESTURES
from gesture_app.vision.model_info import ModelInfo

BLACK, WHITE, GREY = QColor("black"), QColor("white"), QColor("#808080")


def drawn(name: str, side: int = 100) -> np.ndarray:
    image = QImage(side, side, QImage.Format.Format_RGB32)
    image.fill(GREY)
    painter = QPainter(image)
    paint_gesture(painter, QRectF(image.rect()), name, BLACK, WHITE)
    painter.end()
    return from_qimage(image)


def test_every_gesture_has_its_own_drawing(qapp):
    assert set(SHAPES) == set(HAGRID_GESTURES)
    pictures = {name: drawn(name) for name in HAGRID_GESTURES}
    for name, image in pictures.items():
        assert 0.05 < (image == 255).all(axis=2).mean() < 0.6, name
        assert (image[0] == 128).all() or name in ("like", "dislike"), name
        for other, second in pictures.items():
            assert name == other or (image != second).any(axis=2).mean() > 0.02, (name, other)


@pytest.mark.parametrize("name", HAGRID_GESTURES)
def test_hands_lie_within_their_square(name):
    bounds = outlines(SHAPES[name]).bounds()
    assert QRectF(-6, 0, 112, 100).contains(bounds), bounds


def test_inverted_ones_are_seen_from_the_other_side(qapp):
    like, dislike = drawn("like"), drawn("dislike")
    assert (like[::-1] != dislike).any(axis=2).mean() < 0.03, "upside down"
    for name in ("peace", "stop", "two_up"):
        assert SHAPES[f"{name}_inverted"].back and not SHAPES[name].back
        assert SHAPES[f"{name}_inverted"].fingers == SHAPES[name].fingers


@pytest.mark.parametrize("name", ["no_gesture", "my_own", ""])
def test_an_unknown_name_draws_nothing(qapp, name):
    assert (drawn(name) == 128).all()
    assert gesture_icon(name).availableSizes()


@pytest.mark.parametrize("side", [0, 1, 3, 400])
def test_any_size(qtbot, side):
    drawing = GestureDrawing("palm")
    qtbot.addWidget(drawing)
    drawing.resize(side, side)
    drawing.grab()
    assert drawing.accessibleName() == "palm"


@pytest.mark.parametrize(("size", "columns"), [((1500, 500), 9), ((1000, 650), 6), ((500, 1300), 3), ((150, 500), 1)])
def test_the_gallery_uses_its_room(qtbot, size, columns):
    gallery = GestureGallery()
    qtbot.addWidget(gallery)
    gallery.resize(*size)
    gallery.show()

    qtbot.waitUntil(lambda: len({drawing.y() for drawing in gallery.drawings}) == 18 // columns)
    assert all(drawing.isVisible() for drawing in gallery.drawings)


def test_the_list_shows_drawings_and_names(qtbot):
    gestures = GestureList(["palm", "two_up_inverted"])
    qtbot.addWidget(gestures)
    gestures.show()
    items = gestures._items()
    assert [item.text() for item in items] == ["palm", "two up inverted"]
    with qtbot.assertNotEmitted(gestures.changed):
        qtbot.waitUntil(lambda: all(not item.icon().isNull() for item in items))
    qtbot.waitUntil(lambda: not gestures._drawing.isActive())
    first, second = (item.icon().pixmap(48).toImage() for item in items)
    assert first != second


@pytest.mark.parametrize(("labels", "shown"), [
    (("palm", "my sign", "no_gesture", "background"), ["my sign", "palm"]),
    (("no_gesture",), list(HAGRID_GESTURES)),
    (None, list(HAGRID_GESTURES)),
])  # fmt: skip
def test_gestures_dialog(qtbot, tmp_path, labels, shown):
    if labels is not None:
        info = ModelInfo("classifier", "resnet18d", labels, (64, 64))
        (tmp_path / "classifier.json").write_text(json.dumps(asdict(info)))
    dialog = GesturesDialog(tmp_path)
    qtbot.addWidget(dialog)
    assert [drawing.name for drawing in dialog.findChildren(GestureDrawing)] == shown
    dialog.show()
    qtbot.keyClick(dialog, Qt.Key.Key_Escape)
    assert not dialog.isVisible()


def test_welcome_asks_for_a_camera(qtbot):
    page = WelcomePage([])
    qtbot.addWidget(page)
    page.show()
    assert page.demo_button.isDefault() and not page.start_button.isVisible()
    assert page.none.isVisible() and not page.camera.isVisible()
    page.set_cameras([Camera("Built-in", "0"), Camera("USB", "2")])
    assert page.start_button.isVisible() and page.camera.isVisible() and not page.none.isVisible()
    assert page.start_button.isDefault() and not page.file_button.isDefault()
    page.camera.setCurrentIndex(1)
    page.set_cameras([Camera("Other", "1"), Camera("Built-in", "0"), Camera("USB", "2")])
    with qtbot.waitSignal(page.chosen) as chosen:
        qtbot.mouseClick(page.start_button, Qt.MouseButton.LeftButton)
    assert chosen.args == ["2"], "hot-plugging keeps the choice"
    with qtbot.waitSignal(page.chosen) as chosen:
        page.demo_button.click()
    assert Path(chosen.args[0]).is_file(), "a clip comes with the program"
    with qtbot.waitSignal(page.file_requested):
        qtbot.keyClick(page.file_button, Qt.Key.Key_Space)
    with qtbot.waitSignal(page.skipped):
        page.skip_button.click()


@pytest.mark.parametrize("size", [(300, 160), (390, 225), (900, 700)])
@pytest.mark.parametrize("cameras", [[], [Camera("Built-in", "0")]])
def test_no_text_of_the_welcome_is_cut(qtbot, size, cameras):
    page = WelcomePage(cameras)
    qtbot.addWidget(page)
    page.resize(*size)
    page.show()
    texts = [label for label in page.findChildren(QLabel) if label.wordWrap() and label.isVisible()]
    assert len(texts) == (1 if cameras else 2)
    qtbot.waitUntil(lambda: all(text.height() >= text.heightForWidth(text.width()) > 0 for text in texts))
    assert page.gallery.verticalScrollBar().maximum() == 0, "there is one bar, that of the page"
    assert page.gallery.height() >= page.gallery.minimumSizeHint().height()
    buttons = [button for button in page.findChildren(QPushButton) if button.isVisible()]
    assert all(button.width() >= button.sizeHint().width() for button in buttons)
