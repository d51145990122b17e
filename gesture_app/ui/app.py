"""`gesture-app live`: hands and gestures in a window."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from gesture_app.errors import EnvironmentFault
from gesture_app.ui.display import require_display

if TYPE_CHECKING:
    from gesture_app.ui.live import LoadRecognizer
    from gesture_app.video.addresses import SourceOptions
    from gesture_app.video.mailbox import Mailbox
    from gesture_app.video.reader import FrameReader


def run(source: str | None, load: LoadRecognizer, overrides: Mapping[str, Any], loop: bool = False) -> int:
    """Show the window until it is closed.

    Args:
        source: the number of a camera, a file, a folder of pictures, the address of a stream or a part of the screen;
            None for what was played last, or the first camera.
        load: gives the recognizer; called in the live thread, since it takes its time.
        overrides: fields of the settings that hold for this time only.
        loop: whether a clip starts again at its end.

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

    return show_window(source, load, open_reader, overrides, loop)


def open_reader(
    source: str, mailbox: Mailbox, on_state: Callable[[str, str], None], options: SourceOptions
) -> FrameReader:
    """A reader of the source, not started yet."""
    from gesture_app.video.reader import FrameReader

    return FrameReader(source, mailbox, on_state, options)
