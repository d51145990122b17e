"""The life of the window's process, from the first show to the exit code."""

from __future__ import annotations

import os
import sys

from PyQt6.QtWidgets import QApplication

from gesture_app import __version__
from gesture_app.ui.interrupts import close_on_signal, report_uncaught
from gesture_app.ui.live import LiveSettings, LoadRecognizer
from gesture_app.ui.main_window import MainWindow
from gesture_app.ui.workers import LiveWorker, OpenReader
from gesture_app.vision.hands import RecognizerOptions

CLOSE_TIMEOUT_S = 5.0


def show_window(
    source: str, load: LoadRecognizer, open_reader: OpenReader, options: RecognizerOptions, loop: bool
) -> int:
    """Show the window, play the source, and return the exit code when the window is closed.

    A thread that does not end in time, stuck in a driver or in the load of a model, would be destroyed while it runs,
    which aborts the process; then it is left at once instead.
    """
    application = QApplication.instance() or QApplication(["gesture-app"])
    assert isinstance(application, QApplication)
    application.setApplicationName("gesture-app")
    application.setApplicationVersion(__version__)
    window = MainWindow(LiveWorker(load, open_reader, LiveSettings(options)), options, loop)
    with close_on_signal(application.quit) as watch, report_uncaught(window.fault.emit):
        window.show()
        window.play(source)
        application.exec()
        window.hide()
        if not window.shutdown(CLOSE_TIMEOUT_S):
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(watch.exit_code)
    return watch.exit_code
