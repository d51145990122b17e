"""`gesture-app live`: hands and gestures in a window."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from gesture_app.errors import EnvironmentFault
from gesture_app.ui.display import require_display
from gesture_app.vision.hands import RecognizerOptions

if TYPE_CHECKING:
    from gesture_app.ui.live import LoadRecognizer
    from gesture_app.video.sources import FrameReader, Mailbox


def run(source: str, load: LoadRecognizer, options: RecognizerOptions, loop: bool = False) -> int:
    """Show the window until it is closed.

    Args:
        source: the number of a camera, a video file, or the address of a stream.
        load: gives the recognizer; called in the live thread, since it takes its time.
        options: thresholds to begin with.
        loop: whether a video file starts again at its end.

    Returns:
        The exit code: 0, 130 after Ctrl-C, 143 after SIGTERM.

    Raises:
        EnvironmentFault: no window can be shown here.
    """
    require_display()
    try:
        from gesture_app.ui.event_loop import show_window
    except ImportError as error:  # of Qt: a missing system library
        raise EnvironmentFault(f"display: PyQt6 cannot be loaded: {error}. Install the missing library") from error

    return show_window(source, load, open_reader, options, loop)


def open_reader(source: str, mailbox: Mailbox, on_state: Callable[[str, str], None], loop: bool) -> FrameReader:
    """A reader of the source, not started yet."""
    from gesture_app.video.sources import FrameReader

    return FrameReader(source, mailbox, on_state, loop)
