"""The panel of controls and its parts."""

from __future__ import annotations

from dataclasses import fields, replace
from pathlib import Path

import pytest
from fakes import FakeRecognizer
from PyQt6.QtCore import QPoint, QPointF, Qt
from PyQt6.QtGui import QWheelEvent
from PyQt6.QtWidgets import QAbstractButton, QApplication, QComboBox, QFileDialog, QMessageBox, QWidget

from gesture_app.settings import Settings
from gesture_app.ui.annotate_dialog import AnnotateDialog
from gesture_app.ui.controls import Controls
from gesture_app.ui.folder_box import FolderBox
from gesture_app.ui.gesture_list import GestureList
from gesture_app.ui.model_box import ModelBox
from gesture_app.ui.number_slider import NumberSlider
from gesture_app.ui.source_bar import SourceBar
from gesture_app.vision.hands import RecognizerOptions
from gesture_app.vision.labels import HAGRID_LABELS, NO_GESTURE
from gesture_app.vision.model_folders import missing_files
from gesture_app.vision.style import OverlayStyle

OTHERS = Settings(
    weights="/models/mine",
    device="cpu",
    runtime="torch",
    detector_threshold=0.5,
    label_threshold=0.61,
    max_hands=7,
    smoothing_s=1.25,
    hidden_labels=("fist", NO_GESTURE),
    mirror_cameras=False,
    mirror_files=True,
    brighten=False,
    overlay=OverlayStyle(labels=False, ids=True, top=True, trails=True),
    blur=True,
    sounds=True,
    camera_size_wh=(1280, 720),
    record_folder="/videos",
    record_clean=True,
    theme="dark",
)


@pytest.fixture
def controls(qtbot) -> Controls:
    controls = Controls(Settings())
    qtbot.addWidget(controls)
    return controls


@pytest.fixture
def told(controls) -> list[Settings]:
    told: list[Settings] = []
    controls.changed.connect(told.append)
    return told


def shown(controls: Controls) -> Settings:
    return Settings(**{name: field.read() for name, field in controls._fields.items()})


def test_settings_are_shown_without_a_signal(controls, told):
    controls.set_settings(OTHERS)
    assert shown(controls) == OTHERS and told == []
    assert controls.hand.value() == 0.5 and controls.smoothing.number.text() == "1.25 s"
    assert controls.gestures.hidden() == ("fist", NO_GESTURE)
    assert controls.model.model.currentText() == "mine"
    controls.set_settings(Settings())
    assert told == []


@pytest.mark.parametrize(
    ("act", "change"),
    [
        (lambda c: c.hand.number.setValue(0.31), {"detector_threshold": 0.31}),
        (lambda c: c.gesture.slider.setValue(82), {"label_threshold": 0.82}),
        (lambda c: c.smoothing.number.setValue(0.0), {"smoothing_s": 0.0}),
        (lambda c: c.most_hands.setValue(2), {"max_hands": 2}),
        (lambda c: choose(c.theme, "dark"), {"theme": "dark"}),
        (lambda c: choose(c.camera_size, (640, 480)), {"camera_size_wh": (640, 480)}),
        (lambda c: choose(c.model.device, "cpu"), {"device": "cpu"}),
        (lambda c: choose(c.model.runtime, "torch"), {"runtime": "torch"}),
        (lambda c: click(c, "Names"), {"overlay": OverlayStyle(labels=False)}),
        (lambda c: click(c, "Hand numbers"), {"overlay": OverlayStyle(ids=True)}),
        (lambda c: click(c, "Three best guesses"), {"overlay": OverlayStyle(top=True)}),
        (lambda c: click(c, "Trails"), {"overlay": OverlayStyle(trails=True)}),
        (lambda c: click(c, "Blur the rest"), {"blur": True}),
        (lambda c: click(c, "Mirror cameras"), {"mirror_cameras": False}),
        (lambda c: click(c, "Mirror videos and streams"), {"mirror_files": True}),
        (lambda c: click(c, "Brighten dark pictures"), {"brighten": False}),
        (lambda c: click(c, "Sounds"), {"sounds": True}),
        (lambda c: click(c, "Record without drawing"), {"record_clean": True}),
        (lambda c: click(c, "None"), {"hidden_labels": tuple(sorted(HAGRID_LABELS))}),
    ],
)
def test_every_control_acts_at_once(controls, told, act, change):
    act(controls)
    assert told == [replace(Settings(), **change)]
    assert shown(controls) == told[-1]


def choose(box: QComboBox, value: object) -> None:
    box.setCurrentIndex([box.itemData(row) for row in range(box.count())].index(value))


def click(panel: QWidget, text: str) -> None:
    next(b for b in panel.findChildren(QAbstractButton) if b.text().replace("&", "") == text).click()


def test_what_has_no_control_stays(controls, told):
    controls.set_settings(replace(OTHERS, last_source="0", recent_sources=("a.mp4",), welcome_seen=True))
    click(controls, "Sounds")
    assert told[-1] == replace(OTHERS, sounds=False, last_source="0", recent_sources=("a.mp4",), welcome_seen=True)


@pytest.mark.parametrize("yes", [False, True])
def test_everything_can_be_set_back(controls, told, monkeypatch, yes):
    answer = QMessageBox.StandardButton.Yes if yes else QMessageBox.StandardButton.No
    monkeypatch.setattr(QMessageBox, "question", lambda *_, defaultButton: answer)
    elsewhere = {"last_source": "0", "welcome_seen": True, "picture_mode": "fill"}
    controls.set_settings(replace(OTHERS, **elsewhere))
    click(controls, "Reset to defaults…")
    assert told == ([Settings(**elsewhere)] if yes else [])
    assert controls.hand.value() == (Settings().detector_threshold if yes else 0.5)


def test_the_usual_folder_of_recordings_is_shown_again(qtbot):
    controls = Controls(Settings(record_folder="/videos"))
    qtbot.addWidget(controls)
    assert controls.folder.path_label.toolTip() == "/videos"
    controls.set_settings(Settings())
    assert controls.folder.path_label.toolTip() == str(Settings().recordings())


def test_values_from_elsewhere_are_offered_too(controls, told):
    controls.set_settings(Settings(camera_size_wh=(1234, 777)))
    assert controls.camera_size.currentText() == "1234 × 777" and told == []


def test_all_controls_can_be_reached_and_are_named(controls, qtbot):
    controls.show()
    stops, widget = [], controls.hand.slider
    while widget not in stops:
        if widget.focusPolicy() & Qt.FocusPolicy.TabFocus and widget.isVisibleTo(controls):
            stops.append(widget)
        widget = widget.nextInFocusChain()
    for part in (controls.most_hands, controls.theme, controls.model.model, controls.folder.button):
        assert part in stops
    for stop in stops:
        assert stop.accessibleName() or getattr(stop, "text", str)(), f"{stop} has no name"


def takes_wheel(part: QWidget) -> bool:
    middle = QPointF(part.rect().center())
    turn = QWheelEvent(
        middle,
        QPointF(part.mapToGlobal(middle.toPoint())),
        QPoint(),
        QPoint(0, -120),
        Qt.MouseButton.NoButton,
        Qt.KeyboardModifier.NoModifier,
        Qt.ScrollPhase.NoScrollPhase,
        False,
    )
    QApplication.sendEvent(part, turn)
    return turn.isAccepted()


def test_the_wheel_is_left_to_the_panel(controls, told):
    for part in (controls.hand.slider, controls.most_hands, controls.theme):
        part.clearFocus()
        assert not takes_wheel(part)
    assert told == []


@pytest.mark.parametrize(("make", "name"), [
    (SourceBar, "Source"),
    (lambda: AnnotateDialog(FakeRecognizer, RecognizerOptions), "Where results are saved"),
    (ModelBox, "Model"),
])  # fmt: skip
def test_what_acts_at_once_is_chosen_in_the_open_list_alone(qtbot, make, name):
    parent = make()
    qtbot.addWidget(parent)
    parent.show()
    box = next(box for box in parent.findChildren(QComboBox) if box.accessibleName() == name)
    box.addItems(["one", "another"])
    box.setCurrentIndex(0)
    chosen = []
    box.activated.disconnect()
    box.activated.connect(chosen.append)
    box.setFocus()
    assert not takes_wheel(box)
    for key in (Qt.Key.Key_Down, Qt.Key.Key_PageDown):
        qtbot.keyClick(box, key)
        assert box.view().isVisible() and chosen == []
        qtbot.keyClick(box.view(), Qt.Key.Key_Escape)
    for key, text in ((Qt.Key.Key_End, "another"), (Qt.Key.Key_Home, box.itemText(0)), ("a", "another")):
        qtbot.keyClick(box, key)
        assert chosen == [] and box.view().isVisible() is not box.isEditable()
        if not box.isEditable():
            assert box.view().currentIndex().data() == text
            qtbot.keyClick(box.view(), Qt.Key.Key_Escape)
    qtbot.keyClick(box, Qt.Key.Key_Down)
    qtbot.keyClick(box.view(), Qt.Key.Key_Down)
    qtbot.keyClick(box.view(), Qt.Key.Key_Return)
    assert len(chosen) == 1


def test_every_setting_that_acts_has_a_control(controls):
    elsewhere = {"picture_mode", "last_source", "recent_sources", "welcome_seen"}
    assert controls._fields.keys() | elsewhere == {field.name for field in fields(Settings)}


def test_a_number_and_its_slider_follow_each_other(qtbot):
    slider = NumberSlider("&Smoothing", "why", 2.0, " s")
    qtbot.addWidget(slider)
    told = []
    slider.changed.connect(told.append)
    slider.slider.setValue(150)
    assert slider.number.value() == 1.5
    slider.number.setValue(0.25)
    assert slider.slider.value() == 25 and told == [1.5, 0.25]
    slider.set_value(0.777)
    assert slider.value() == 0.78 and told == [1.5, 0.25]


def test_gestures_of_another_model(qtbot):
    gestures = GestureList(("like", "rock"))
    qtbot.addWidget(gestures)
    gestures.set_hidden(("rock", "thumb_war"))
    gestures.set_labels(("like", "thumb_war", "peace"))
    assert gestures.hidden() == ("rock", "thumb_war"), "what another model does not know is not forgotten"
    gestures.all_button.click()
    assert gestures.hidden() == ("rock",)
    gestures.set_labels(())
    assert "thumb_war" not in gestures.hidden()


def a_model(folder: Path) -> Path:
    folder.mkdir()
    for name in missing_files(folder):
        (folder / name).touch()
    return folder


@pytest.fixture
def box(qtbot) -> ModelBox:
    box = ModelBox()
    qtbot.addWidget(box)
    return box


def pick(box: ModelBox, text: str) -> None:
    index = box.model.findText(text)
    box.model.setCurrentIndex(index)
    box.model.activated.emit(index)


def test_models_of_the_user(box, qtbot):
    box.set_models([("Mine", "/models/mine"), ("Ours", "/models/ours")])
    assert box.weights() == ""
    with qtbot.waitSignal(box.weights_changed):
        pick(box, "Ours")
    assert box.weights() == "/models/ours"
    box.set_models([("Mine", "/models/mine")])
    assert box.weights() == "/models/ours" and box.model.currentText() == "ours"


def test_another_folder(box, qtbot, monkeypatch, tmp_path):
    warned = []
    monkeypatch.setattr(QMessageBox, "warning", lambda *args: warned.append(args[-1]))
    for folder, weights in ((tmp_path, ""), (a_model(tmp_path / "mine"), str(tmp_path / "mine")), ("", None)):
        monkeypatch.setattr(QFileDialog, "getExistingDirectory", lambda *_, folder=folder: str(folder))
        pick(box, "Other folder…")
        assert box.weights() == (weights if weights is not None else str(tmp_path / "mine"))
        assert box.model.currentText() != "Other folder…"
    assert len(warned) == 1 and "detector.safetensors" in warned[0]


def test_folder(qtbot, monkeypatch, tmp_path):
    box = FolderBox("Recordings", tmp_path / "usual")
    qtbot.addWidget(box)
    assert box.folder() == "" and box.path_label.toolTip() == str(tmp_path / "usual")
    monkeypatch.setattr(QFileDialog, "getExistingDirectory", lambda *_: "")
    box.button.click()
    assert box.folder() == ""
    monkeypatch.setattr(QFileDialog, "getExistingDirectory", lambda *_: str(tmp_path))
    with qtbot.waitSignal(box.changed):
        box.button.click()
    assert box.folder() == str(tmp_path)


def test_what_a_letter_reaches_is_scrolled_to(controls, qtbot):
    controls.resize(400, 200)
    controls.show()
    controls.activateWindow()
    qtbot.waitUntil(controls.isActiveWindow)
    assert controls.theme.visibleRegion().isEmpty()
    qtbot.keyClick(controls, Qt.Key.Key_L, Qt.KeyboardModifier.AltModifier)
    assert controls.theme.hasFocus() and controls.theme.visibleRegion().boundingRect() == controls.theme.rect()
    for comes_back in (Qt.FocusReason.PopupFocusReason, Qt.FocusReason.ActiveWindowFocusReason):
        controls.verticalScrollBar().setValue(0)
        controls.theme.clearFocus()
        controls.theme.setFocus(comes_back)
        assert controls.theme.hasFocus() and controls.verticalScrollBar().value() == 0, "it stays where it was scrolled"
