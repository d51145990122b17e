"""Whether a window can be shown here, asked before Qt is, which would end the process instead of telling."""

from __future__ import annotations

import ctypes
import os
import socket
import sys
from contextlib import suppress
from pathlib import Path

from gesture_app.errors import EnvironmentFault

# What Qt's X11 plugin needs beyond PyQt6, and the Debian and Ubuntu packages that hold it.
X11_LIBRARIES = {
    "libxcb-cursor.so.0": "libxcb-cursor0",
    "libxcb-icccm.so.4": "libxcb-icccm4",
    "libxcb-keysyms.so.1": "libxcb-keysyms1",
    "libxcb-shape.so.0": "libxcb-shape0",
    "libxkbcommon-x11.so.0": "libxkbcommon-x11-0",
}


def require_display() -> None:
    """Return where Qt can start.

    Raises:
        EnvironmentFault: no display is set, it does not answer, or a system library of Qt is missing.
    """
    chosen = os.environ.get("QT_QPA_PLATFORM")
    platforms = {name.partition(":")[0] for name in (chosen or "wayland;xcb").split(";")}
    if not sys.platform.startswith("linux") or not platforms <= {"wayland", "xcb"}:
        return
    wayland = display = ""
    if "wayland" in platforms:
        wayland = os.environ.get("WAYLAND_DISPLAY") or ("wayland-0" if chosen else "")  # as Qt has it
    if "xcb" in platforms:
        display = os.environ.get("DISPLAY", "")
    if wayland and ("WAYLAND_SOCKET" in os.environ or _compositor_answers(wayland)):  # a connection, made already
        return
    if wayland and not display:
        raise EnvironmentFault(f"display: {wayland}: no compositor answers. Check WAYLAND_DISPLAY and XDG_RUNTIME_DIR")
    if not display:
        unset = "DISPLAY and WAYLAND_DISPLAY are" if "wayland" in platforms else "DISPLAY is"
        raise EnvironmentFault(f"display: none: {unset} not set. Start it on a desktop, or use `annotate` for files")
    missing = [package for library, package in X11_LIBRARIES.items() if not _loads(library)]
    if missing:
        raise EnvironmentFault(
            f"display: {display}: Qt lacks system libraries. Install them: apt install {' '.join(missing)}"
        )
    if not _x_server_answers():
        raise EnvironmentFault(f"display: {display}: no X server answers. Check DISPLAY and your access to it")


def _loads(library: str) -> bool:
    try:
        ctypes.CDLL(library)
    except OSError:
        return False
    return True


def _compositor_answers(name: str) -> bool:
    """Whether the socket of Wayland that this is, or that has this name in XDG_RUNTIME_DIR, takes connections."""
    with socket.socket(socket.AF_UNIX) as connection, suppress(OSError):
        connection.connect(str(Path(os.environ.get("XDG_RUNTIME_DIR", "")) / name))
        return True
    return False


def _x_server_answers() -> bool:
    try:
        xcb = ctypes.CDLL("libxcb.so.1")
    except OSError:
        return True  # PyQt6 itself tells better what is missing
    xcb.xcb_connect.restype = ctypes.c_void_p
    xcb.xcb_connection_has_error.argtypes = [ctypes.c_void_p]
    xcb.xcb_disconnect.argtypes = [ctypes.c_void_p]
    connection = xcb.xcb_connect(None, None)
    answers: bool = xcb.xcb_connection_has_error(connection) == 0
    xcb.xcb_disconnect(connection)
    return answers
