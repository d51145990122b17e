"""Recordings and snapshots of what is shown, and the line that tells where they went."""

from __future__ import annotations

from PyQt6.QtCore import QObject

from gesture_app.ui.desktop import open_file, open_or_tell
from gesture_app.ui.ending import end_all
from gesture_app.ui.menus import Menus
from gesture_app.ui.notice import Notice
from gesture_app.ui.recorder import Recorder, Snapshots, keep_left
from gesture_app.ui.settings_store import SettingsStore
from gesture_app.ui.video_view import VideoView


class Capture(QObject):
    """Does what the actions for snapshots and recordings ask for.

    Attributes:
        recorder: takes the pictures of the live thread.
    """

    def __init__(
        self, menus: Menus, view: VideoView, notice: Notice, store: SettingsStore, parent: QObject | None = None
    ) -> None:
        super().__init__(parent)
        self.recorder = Recorder(self)
        self._snapshots = Snapshots(self)
        self._view = view
        self._notice = notice
        self._store = store
        menus.snapshot.triggered.connect(self.take_snapshot)
        menus.record.toggled.connect(self._record)
        menus.show_recordings.triggered.connect(self.show_folder)
        self.recorder.recording_changed.connect(menus.record.setChecked)
        for part in (self.recorder, self._snapshots):
            part.saved.connect(notice.show_saved)
            part.failed.connect(notice.show_failure)

    def keep_left(self) -> None:
        """Keep and tell what was being recorded when an earlier window was killed, or its desktop ended."""
        if kept := keep_left(self._store.settings.recordings()):
            self._notice.show_annotated(kept, self.tr("It was being recorded when the program was ended from outside"))

    def take_snapshot(self) -> None:
        """Keep the picture that is shown."""
        if self._view.picture is not None:
            self._snapshots.save(self._view.picture, self._store.settings.recordings())

    def show_folder(self) -> None:
        """Open the folder of recordings in the file manager."""
        folder = self._store.settings.recordings()
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            self._notice.show_failure(f"folder: {folder}: {error.strerror}. Choose another one in the settings")
            return
        open_or_tell(open_file, folder, self._notice.show_failure)

    def shutdown(self, timeout_s: float) -> bool:
        """Complete all files; False if that takes longer."""
        return end_all(timeout_s, self.recorder.shutdown, self._snapshots.shutdown)

    def _record(self, on: bool) -> None:
        settings = self._store.settings
        if on:
            self.recorder.start(settings.recordings(), settings.record_clean)
        else:
            self.recorder.stop()
