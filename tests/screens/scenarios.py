"""The states of the program that are looked at."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from driver import Condition, Stage

DEMO = str(Path.home() / "demo.mp4")
SEEN = {"welcome_seen": True}
LIGHT = {**SEEN, "theme": "light"}
DARK = {**SEEN, "theme": "dark"}
SURE = 0.8
FEWEST_EVENTS = 7
LONGEST_WAIT_S = 40.0
ALL_DRAWN = {"labels": True, "ids": True, "top": True, "trails": True}
LARGE = "2800x2000"
FULL_HD = "1920x1080"
"""At 200 % it has room for 960x540."""
Script = Callable[["Stage"], Iterator["Condition"]]


@dataclass(frozen=True)
class Scenario:
    """A way through the program.

    Attributes:
        script: acts on the stage and gives conditions, each of which is waited for.
        source: as given to `gesture-app live`.
        settings: what the settings file holds.
        settings_text: the file as it is, in place of `settings`.
        scale: of everything; 2 is 200 %.
        screen: its size in pixels.
    """

    script: Script
    source: str | None = DEMO
    settings: dict[str, Any] = field(default_factory=lambda: LIGHT)
    settings_text: str | None = None
    scale: int = 1
    screen: str = "1400x1000"


def plays(stage: Stage) -> Condition:
    """Recognized pictures come."""
    from gesture_app.ui.live import Phase

    return lambda: stage.window.playback.phase is Phase.LIVE and stage.window.view.picture is not None


def worth_a_picture(stage: Stage) -> Condition:
    """Some gestures are over, and every hand in the picture has a sure name; late, anything is good enough."""
    from driver import after

    from gesture_app.ui.live import Result
    from gesture_app.vision.labels import NO_GESTURE

    shown: list[Result] = []
    stage.window.playback.result_ready.connect(lambda result: shown.__setitem__(slice(None), [result]))
    late = after(LONGEST_WAIT_S)

    def good() -> bool:
        hands = shown[0].hands if shown else ()
        named = bool(hands) and all(hand.label != NO_GESTURE and hand.score > SURE for hand in hands)
        return late() or (named and len(stage.window.event_panel.events) > FEWEST_EVENTS)

    return good


def banner(stage: Stage) -> Condition:
    """A message is in the picture, and the networks are loaded."""
    from gesture_app.ui.live import Phase

    passing = (Phase.LOADING, Phase.OPENING)
    return lambda: stage.window.view.banner is not None and stage.window.playback.phase not in passing


def playing(stage: Stage) -> Iterator[Condition]:
    """Playing a clip, with the settings and with the list of events, and stopped between two frames."""
    from driver import after
    from PyQt6.QtWidgets import QDockWidget

    yield plays(stage)
    yield worth_a_picture(stage)
    stage.shoot()
    dock = stage.window.findChild(QDockWidget, "events")
    assert dock is not None
    dock.raise_()
    yield after(0.3)
    stage.shoot("events")
    stage.window.menus.toggle.trigger()
    yield after(0.5)
    stage.window.menus.forward.trigger()
    yield after(0.7)
    stage.shoot("paused")


def full_screen(stage: Stage) -> Iterator[Condition]:
    """Without anything around the picture."""
    from driver import after

    yield plays(stage)
    stage.window.menus.full_screen.trigger()
    yield after(1.0)
    stage.shoot()
    stage.window.menus.record.trigger()
    yield after(1.5)
    stage.shoot("recording")


def message(stage: Stage) -> Iterator[Condition]:
    """A banner in place of the picture."""
    from driver import after

    yield after(1.0)
    yield banner(stage)
    yield after(0.3)
    stage.shoot()


def welcome(stage: Stage) -> Iterator[Condition]:
    """The first start."""
    from driver import after

    yield after(1.5)
    stage.shoot()


def menus(stage: Stage) -> Iterator[Condition]:
    """Every menu, open."""
    from driver import after
    from PyQt6.QtWidgets import QMenu

    yield plays(stage)
    bar = stage.window.menuBar()
    assert bar is not None
    for action in bar.actions():
        menu = action.menu()
        assert isinstance(menu, QMenu)
        menu.popup(bar.mapToGlobal(bar.actionGeometry(action).bottomLeft()))
        yield after(0.4)
        stage.shoot(action.text().replace("&", "").lower())
        menu.close()


def recording(stage: Stage) -> Iterator[Condition]:
    """The badge while something is recorded, and the line that tells where it is."""
    from driver import after

    yield plays(stage)
    stage.window.menus.record.trigger()
    yield after(2.5)
    stage.shoot()
    stage.window.menus.record.trigger()
    yield lambda: not stage.window.notice.isHidden()
    yield after(0.3)
    stage.shoot("saved")
    (video,) = (stage.folder / "Videos").glob("*.mp4")
    assert video.stat().st_size > 10_000
    stage.window.menus.snapshot.trigger()
    yield lambda: bool(list((stage.folder / "Videos").glob("*.png")))


def dialogs(stage: Stage) -> Iterator[Condition]:
    """Everything that opens over the window, over one that has nothing to compute."""
    from driver import after, centre
    from PyQt6.QtWidgets import QTabWidget

    from gesture_app.ui.doctor_dialog import DoctorDialog

    yield plays(stage)
    window = stage.window
    window.playback.halt()
    actions = {
        "shortcuts": window.menus.shortcuts,
        "gestures": window.menus.gestures,
        "about": window.menus.about,
        "doctor": window.menus.doctor,
    }
    for name, action in actions.items():
        action.trigger()
        yield after(0.3)
        dialog = stage.dialog()
        centre(window, dialog)
        if isinstance(dialog, DoctorDialog):
            yield after(0.8)
            stage.shoot("doctor-busy")
            yield lambda dialog=dialog: not dialog.running
        yield after(0.3)
        tabs = dialog.findChild(QTabWidget)
        for page in range(1, tabs.count() if tabs is not None else 1):
            stage.shoot(f"{name}-{page}")
            tabs.setCurrentIndex(page)
            yield after(0.2)
        stage.shoot(name)
        dialog.close()
        yield after(0.2)


def questions(stage: Stage) -> Iterator[Condition]:
    """What the window asks with dialogs of Qt's own, and the choice of a part of the screen."""
    from driver import after, centre
    from PyQt6.QtCore import QTimer
    from PyQt6.QtWidgets import QApplication

    from gesture_app.ui.screen_picker import ScreenPicker

    yield plays(stage)
    window = stage.window
    yield lambda: len(window.event_panel.events) > 0
    window.playback.halt()
    actions = {
        "open": window.menus.open,
        "address": window.menus.open_address,
        "clear": window.event_panel.clear_action,
        "export": window.event_panel.export_action,
    }
    for name, action in actions.items():
        QTimer.singleShot(0, action.trigger)
        yield lambda: QApplication.activeModalWidget() is not None
        dialog = stage.dialog()
        centre(window, dialog)
        yield after(0.4)
        stage.shoot(name)
        dialog.reject()
        yield lambda: QApplication.activeModalWidget() is None
    window.fault.emit("ValueError: something that nobody thought of")
    centre(window, stage.dialog())
    yield after(0.4)
    stage.shoot("fault")
    stage.dialog().close()
    window.menus.screen_part.trigger()
    yield lambda: any(isinstance(w, ScreenPicker) for w in QApplication.topLevelWidgets())
    yield after(0.4)
    stage.shoot("screen-part")
    next(w for w in QApplication.topLevelWidgets() if isinstance(w, ScreenPicker)).close()
    window.show()


def annotating(stage: Stage) -> Iterator[Condition]:
    """The annotate dialog: empty, at work, at work in the background, stopped."""
    import shutil

    from driver import after, centre

    from gesture_app.ui.annotate_dialog import AnnotateDialog

    yield plays(stage)
    stage.window.playback.halt()
    stage.window.menus.annotate.trigger()
    dialog = stage.dialog(AnnotateDialog)
    assert isinstance(dialog, AnnotateDialog)
    centre(stage.window, dialog)
    yield after(0.3)
    stage.shoot("empty")
    clips = stage.folder / "clips"
    clips.mkdir()
    for name in ("greetings.mp4", "long walk along the river, second take.mp4"):
        shutil.copy(DEMO, clips / name)
    (clips / "damaged.mp4").write_text("not a video")
    dialog.add_files([clips])
    yield lambda: not dialog.list.search.running
    dialog.start()
    yield lambda: dialog.list.topLevelItem(1).text(1).startswith("frame")
    yield after(1.5)
    stage.shoot("working")
    dialog.hide()
    yield after(0.5)
    stage.shoot("background")
    stage.window.tools.buttons[0].click()
    dialog.cancel()
    yield lambda: not dialog.running
    yield after(0.3)
    stage.shoot("stopped")


TRAINING = """
import json, math, time
def tell(**told): print(json.dumps(told), flush=True)
for stage, metric in (("classifier", "macro_f1"), ("detector", "ap50")):
    for epoch in range(1, 13):
        loss, score = 1.6 * math.exp(-epoch / 4) + 0.2, 0.95 - 0.6 * math.exp(-epoch / 3)
        if stage == "detector":
            loss, score = 2 * loss, 0.85 * score
        tell(epoch=epoch, epochs=12, stage=stage, loss=loss, **{metric: score})
        time.sleep(0.3)
tell(done=True, better=True, report="", installed=False, macro_f1=0.94, before_macro_f1=0.82)
"""


def training(stage: Stage) -> Iterator[Condition]:
    """The training dialog: empty, at work, in the background, done; the training itself is only told."""
    from driver import after, centre

    from gesture_app.ui.train_dialog import TrainDialog

    yield plays(stage)
    stage.window.playback.halt()
    stage.window.menus.train.trigger()
    dialog = stage.dialog(TrainDialog)
    assert isinstance(dialog, TrainDialog)
    centre(stage.window, dialog)
    yield after(0.3)
    stage.shoot("empty")
    for name in ("wave", "fist", "point"):
        folder = stage.folder / "my pictures" / name
        folder.mkdir(parents=True)
        for number in range(20):
            (folder / f"{number}.jpg").touch()
    dialog.data.set_folder(stage.folder / "my pictures")
    dialog._command = ("-c", TRAINING)
    dialog.start()
    yield lambda: "hands: round" in dialog.state.text() or not dialog.running
    stage.shoot("working")
    dialog.hide()
    yield after(0.5)
    stage.shoot("background")
    yield lambda: not dialog.running
    yield after(0.2)
    stage.shoot("done")


SCENARIOS = {
    "playing-light": Scenario(playing),
    "playing-dark": Scenario(playing, settings=DARK),
    "playing-all-drawn": Scenario(playing, settings={**DARK, "overlay": ALL_DRAWN}),
    "playing-blurred": Scenario(playing, settings={**LIGHT, "blur": True}),
    "full-screen": Scenario(full_screen, settings=DARK),
    "welcome-light": Scenario(welcome, source=None, settings={"theme": "light"}),
    "welcome-dark": Scenario(welcome, source=None, settings={"theme": "dark"}),
    "no-camera-light": Scenario(message, source="7"),
    "no-camera-dark": Scenario(message, source="7", settings=DARK),
    "no-source": Scenario(message, source=None),
    "no-file": Scenario(message, source="/home/me/videos/a clip that is not there any more.mp4"),
    "no-stream": Scenario(message, source="rtsp://me:secret@127.0.0.1:1/live", settings=DARK),
    "broken-settings": Scenario(message, source="7", settings_text="{ not JSON"),
    "menus-light": Scenario(menus),
    "menus-dark": Scenario(menus, settings=DARK),
    "recording": Scenario(recording, settings=DARK),
    "dialog-light": Scenario(dialogs),
    "dialog-dark": Scenario(dialogs, settings=DARK),
    "questions-light": Scenario(questions),
    "questions-dark": Scenario(questions, settings=DARK),
    "annotate-light": Scenario(annotating),
    "annotate-dark": Scenario(annotating, settings=DARK),
    "train-light": Scenario(training),
    "train-dark": Scenario(training, settings=DARK),
    "large-playing": Scenario(playing, scale=2, screen=LARGE),
    "large-welcome": Scenario(welcome, source=None, settings={"theme": "dark"}, scale=2, screen=LARGE),
    "large-no-camera": Scenario(message, source="7", settings=DARK, scale=2, screen=LARGE),
    "large-dialog": Scenario(dialogs, scale=2, screen=LARGE),
    "large-annotate": Scenario(annotating, settings=DARK, scale=2, screen=LARGE),
    "large-train": Scenario(training, scale=2, screen=LARGE),
    "tight-playing": Scenario(playing, settings=DARK, scale=2, screen=FULL_HD),
    "tight-welcome": Scenario(welcome, source=None, settings={"theme": "light"}, scale=2, screen=FULL_HD),
    "tight-dialog": Scenario(dialogs, settings=DARK, scale=2, screen=FULL_HD),
    "tight-annotate": Scenario(annotating, scale=2, screen=FULL_HD),
    "tight-train": Scenario(training, settings=DARK, scale=2, screen=FULL_HD),
}
"""By the names of their pictures."""
