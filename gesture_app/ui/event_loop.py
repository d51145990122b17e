"""The life of the window's process, from the first show to the exit code."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from typing import Any

from PyQt6 import sip
from PyQt6.QtCore import QLoggingCategory, QSettings, QTimer
from PyQt6.QtWidgets import QApplication

from gesture_app import __version__
from gesture_app.settings import config_folder, settings_path
from gesture_app.ui.icons import app_icon
from gesture_app.ui.interrupts import close_on_signal, report_uncaught
from gesture_app.ui.live import LoadRecognizer
from gesture_app.ui.main_window import NAME, MainWindow
from gesture_app.ui.settings_store import SettingsStore
from gesture_app.ui.theme import Theme
from gesture_app.ui.workers import OpenReader

CLOSE_TIMEOUT_S = 5.0
BEGIN_MS = 60  # the window is painted before the libraries, which load in the live thread, keep the interpreter busy


def show_window(
    source: str | None, load: LoadRecognizer, open_reader: OpenReader, overrides: Mapping[str, Any], loop: bool
) -> int:
    """Show the window, play the source, and return the exit code when the window is closed.

    A thread that does not end in time, stuck in a driver or in the load of a model, would be destroyed while it runs,
    which aborts the process; then it is left at once instead.
    """
    # Desktop portals refuse a program without a desktop file, which pip installs for none, and Qt would tell it.
    QLoggingCategory.setFilterRules("qt.qpa.services.warning=false")
    application = QApplication.instance() or QApplication(["gesture-app"])
    assert isinstance(application, QApplication)
    application.setApplicationName("gesture-app")
    application.setApplicationDisplayName(NAME)  # which Qt adds to titles that do not end in it
    application.setApplicationVersion(__version__)
    application.setDesktopFileName("gesture-app")
    application.setWindowIcon(app_icon())
    store = SettingsStore(settings_path(), overrides)
    theme = Theme(application, store.settings.theme)
    store.changed.connect(lambda settings: theme.set_choice(settings.theme))
    geometry = QSettings(str(config_folder() / "window.ini"), QSettings.Format.IniFormat)
    window = MainWindow(load, open_reader, store, geometry, loop)
    # `quit` would ask every window whether it may be closed; a signal does not ask.
    with close_on_signal(lambda: application.exit(0)) as watch, report_uncaught(window.fault.emit):
        window.show()
        QTimer.singleShot(BEGIN_MS, lambda: window.begin(source))
        application.exec()
        window.hide()
        if not window.shutdown(CLOSE_TIMEOUT_S):
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(watch.exit_code)
        sip.delete(window)  # while the application lives: at the end of this function it might go first
    return watch.exit_code
