"""The real program with a script instead of a user: `python -m driver SCENARIO OUTPUT FOLDER`."""

from __future__ import annotations

import os
import sys
import time
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path

from PyQt6.QtCore import QRect, QTimer
from PyQt6.QtGui import QImage
from PyQt6.QtWidgets import QApplication, QDialog, QWidget

from gesture_app.cli import Live
from gesture_app.ui import app
from gesture_app.ui.main_window import MainWindow

STEP_MS = 40
STATE_LIMIT_S = 240.0
FEWEST_COLOURS = 20

Condition = Callable[[], bool]


class Stage:
    """What a scenario acts on: the window, its dialogs, and the camera that takes the pictures."""

    def __init__(self, name: str, output: Path, folder: Path) -> None:
        self._name = name
        self._output = output
        self.folder = folder
        self.shots: list[str] = []

    @property
    def window(self) -> MainWindow:
        """The window, once it is there."""
        return next(w for w in QApplication.topLevelWidgets() if isinstance(w, MainWindow))

    def dialog(self, kind: type[QDialog] = QDialog) -> QDialog:
        """The dialog of this kind that is open."""
        return next(w for w in QApplication.topLevelWidgets() if isinstance(w, kind) and w.isVisible())

    def shoot(self, what: str = "") -> None:
        """Keep what is on the screen, as far as there are windows."""
        tops = [w for w in QApplication.topLevelWidgets() if w.isVisible() and w.windowHandle() is not None]
        screen = self.window.screen()
        assert screen is not None
        area = QRect()
        for top in tops:
            area = area.united(top.frameGeometry())
        area = area.intersected(screen.geometry())
        picture = screen.grabWindow(0, area.x(), area.y(), area.width(), area.height())
        path = self._output / f"{self._name}{'-' * bool(what)}{what}.png"
        image = picture.toImage()
        assert colours(image) >= FEWEST_COLOURS, f"{path.name}: there is nothing in the picture"
        assert picture.save(str(path))
        self.shots.append(path.name)


def colours(image: QImage) -> int:
    """How many colours a coarse sample has."""
    steps = range(0, image.width(), 7), range(0, image.height(), 7)
    return len({image.pixel(x, y) for x in steps[0] for y in steps[1]})


def centre(window: QWidget, dialog: QWidget) -> None:
    """Put a dialog over its window; there is no window manager to do it."""
    place = dialog.frameGeometry()
    place.moveCenter(window.frameGeometry().center())
    dialog.move(max(0, place.x()), max(0, place.y()))


def after(seconds: float) -> Condition:
    """True when this time has passed."""
    until_s = time.monotonic() + seconds
    return lambda: time.monotonic() >= until_s


def play(script: Iterator[Condition], stage: Stage) -> None:
    """Go on with the script whenever the condition that it gave holds; end the process when it ends."""
    waiting: list[tuple[Condition, float]] = [(lambda: True, time.monotonic())]

    def step() -> None:
        condition, since_s = waiting[0]
        try:
            if condition():
                waiting[0] = (next(script), time.monotonic())
            elif time.monotonic() - since_s > STATE_LIMIT_S:
                raise TimeoutError(f"not reached within {STATE_LIMIT_S:.0f} s: line {line_of(script)}")
        except StopIteration:
            timer.stop()
            stage.window.close()
        except Exception:
            traceback.print_exc()
            print(
                f"phase {stage.window.playback.phase}, banner {stage.window.view.banner}", file=sys.stderr, flush=True
            )
            stage.shoot("FAILED")
            os._exit(1)

    timer = QTimer(QApplication.instance())
    timer.timeout.connect(step)
    timer.start(STEP_MS)


def line_of(script: Iterator[Condition]) -> int:
    """Where a script waits."""
    frame = getattr(script, "gi_frame", None)
    return frame.f_lineno if frame is not None else 0


def main() -> int:
    """Start the program as `gesture-app live` does, and play the scenario."""
    from scenarios import SCENARIOS

    name, output, folder = sys.argv[1:]
    scenario = SCENARIOS[name]
    stage = Stage(name, Path(output), Path(folder))
    application = QApplication(["gesture-app"])
    QTimer.singleShot(0, lambda: play(scenario.script(stage), stage))
    live = Live(source=scenario.source, loop=True)
    code = app.run(live.source, live.load, live.overrides(), live.loop)
    assert stage.shots and application is QApplication.instance()
    return code


if __name__ == "__main__":
    sys.exit(main())
