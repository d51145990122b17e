"""The cameras of this computer by name, and when one comes or goes."""

from __future__ import annotations

import re
import sys
from collections import Counter
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from PyQt6.QtCore import QCoreApplication, QFileSystemWatcher, QObject, QTimer, pyqtSignal

DEVICES = Path("/dev")
DRIVERS = Path("/sys/class/video4linux")
SETTLE_MS = 400  # a device is there before its name, its permissions and its second node are
USUAL_SIZES_WH = ((640, 480), (1280, 720), (1920, 1080), (3840, 2160))


@dataclass(frozen=True)
class Camera:
    """A camera as the user knows it, and as OpenCV does.

    Attributes:
        name: unique among those that are connected.
        source: its number.
        sizes_wh: what it can deliver, the smallest first; empty when that is not known.
    """

    name: str
    source: str
    sizes_wh: tuple[tuple[int, int], ...] = ()


class Cameras(QObject):
    """Lists the cameras.

    On Linux the list comes from the kernel, whose numbers OpenCV uses; elsewhere from Qt, whose order OpenCV shares.

    Signals:
        changed: `found` is another list.
    """

    changed = pyqtSignal()

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._found: list[Camera] = []
        self._qt_devices: Any = None
        self._settle = QTimer(self)
        self._settle.setSingleShot(True)
        self._settle.setInterval(SETTLE_MS)
        self._settle.timeout.connect(self.refresh)
        if sys.platform.startswith("linux"):
            self._watcher = QFileSystemWatcher([str(path) for path in (DEVICES,) if path.exists()], self)
            self._watcher.directoryChanged.connect(lambda _: self._settle.start())
            self._found = _listed_by_linux()

    @property
    def found(self) -> list[Camera]:
        """What is connected, in the order of the numbers."""
        return self._found

    def start(self) -> None:
        """Look for the first time where that takes longer; call it when the window is shown."""
        if not sys.platform.startswith("linux") and self._qt_devices is None:
            try:
                from PyQt6.QtMultimedia import QMediaDevices
            except ImportError:  # a system library of it is missing
                self._found = _told_apart([Camera("", "0"), Camera("", "1")])
                self.changed.emit()
                return
            self._qt_devices = QMediaDevices(self)
            self._qt_devices.videoInputsChanged.connect(self._settle.start)
            self.refresh()

    def refresh(self) -> None:
        """Look again."""
        found = _listed_by_linux() if self._qt_devices is None else _listed_by_qt()
        if found != self._found:
            self._found = found
            self.changed.emit()

    def named(self, source: str) -> str | None:
        """The name of the camera with this number, or None if none has it."""
        return next((camera.name for camera in self._found if camera.source == source), None)


def _listed_by_linux() -> list[Camera]:
    """The first node of every device; further ones of the same device carry no pictures."""
    numbers = []
    for path in DEVICES.glob("video*"):
        match = re.fullmatch(r"video(\d{1,3})", path.name)
        if match and _read(DRIVERS / path.name / "index") in ("0", ""):
            numbers.append(int(match[1]))
    return _told_apart([Camera(_read(DRIVERS / f"video{number}" / "name"), str(number)) for number in sorted(numbers)])


def _listed_by_qt() -> list[Camera]:
    from PyQt6.QtMultimedia import QMediaDevices

    listed = []
    for number, device in enumerate(QMediaDevices.videoInputs()):
        sizes = {(f.resolution().width(), f.resolution().height()) for f in device.videoFormats()}
        listed.append(Camera(device.description(), str(number), tuple(sorted(sizes))))
    return _told_apart(listed)


def _told_apart(cameras: list[Camera]) -> list[Camera]:
    """The same, with their numbers where names are missing or are those of others too."""
    counts = Counter(camera.name for camera in cameras)
    unnamed = QCoreApplication.translate("Cameras", "Camera")
    return [
        camera
        if camera.name and counts[camera.name] == 1
        else replace(camera, name=f"{camera.name or unnamed} ({camera.source})")
        for camera in cameras
    ]


def _read(path: Path) -> str:
    try:
        return " ".join(path.read_text(encoding="utf-8", errors="replace").split())
    except OSError:
        return ""
