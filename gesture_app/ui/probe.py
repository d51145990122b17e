"""What Qt finds here, as one JSON object: `python -m gesture_app.ui.probe`.

It runs in a process of its own, since Qt ends the process where it cannot start.
"""

from __future__ import annotations

import json
import os
import sys

from gesture_app.errors import GestureError
from gesture_app.ui.display import require_display


def probe() -> dict[str, object]:
    """The platform, the screens, the cameras, and what is missing.

    Returns:
        fault: why no window can be shown, or ""; qt: its version; platform: Qt's name for it; screens: list of
        "1920 × 1080 at 200 %"; multimedia: why QtMultimedia cannot be loaded, or ""; cameras: list of (name, source).
    """
    fault = ""
    try:
        require_display()
    except GestureError as error:
        fault = str(error)
        os.environ["QT_QPA_PLATFORM"] = "offscreen"  # cameras can be listed all the same
    from PyQt6.QtCore import qVersion
    from PyQt6.QtGui import QGuiApplication

    from gesture_app.ui.cameras import Cameras

    application = QGuiApplication(["probe"])
    cameras = Cameras()
    cameras.start()
    try:
        import PyQt6.QtMultimedia  # noqa: F401
    except ImportError as error:
        multimedia = str(error)
    else:
        multimedia = ""
    screens = [
        f"{screen.size().width()} × {screen.size().height()} at {screen.devicePixelRatio() * 100:.0f} %"
        for screen in application.screens()
    ]
    return {
        "fault": fault,
        "qt": qVersion(),
        "platform": application.platformName(),
        "screens": [] if fault else screens,
        "multimedia": multimedia,
        "cameras": [(camera.name, camera.source) for camera in cameras.found],
    }


if __name__ == "__main__":
    try:
        print(json.dumps(probe()))
    except ImportError as missing:
        print(json.dumps({"fault": f"display: PyQt6 cannot be loaded: {missing}. Install the missing library"}))
    sys.stdout.flush()
