"""Everything that offers sources: the row above the picture, the menus, the welcome page."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from PyQt6.QtCore import QObject, pyqtSignal

from gesture_app.ui.cameras import Cameras
from gesture_app.ui.live import Phase
from gesture_app.ui.menus import Menus
from gesture_app.ui.opening import Opening
from gesture_app.ui.playback import Playback
from gesture_app.ui.settings_store import SettingsStore
from gesture_app.ui.source_bar import shown_source
from gesture_app.ui.window_layout import WindowLayout
from gesture_app.video.addresses import source_kind

if TYPE_CHECKING:
    from gesture_app.ui.welcome import WelcomePage

WAITING = (Phase.UNAVAILABLE, Phase.RECONNECTING)


class SourceChoice(QObject):
    """Keeps the offers up to date, and tells what was chosen.

    Signals:
        chosen: a source is to be played now.
    """

    chosen = pyqtSignal(str)

    def __init__(
        self, layout: WindowLayout, menus: Menus, opening: Opening, playback: Playback, store: SettingsStore
    ) -> None:
        super().__init__(opening)
        self.cameras = Cameras(self)
        self._layout = layout
        self._menus = menus
        self.opening = opening
        self._playback = playback
        self._store = store
        self._camera_name: str | None = None
        self._welcome: WelcomePage | None = None
        self._offered: object = None

        self.cameras.changed.connect(self._follow_cameras)
        opening.chosen.connect(self.chosen)
        menus.source_chosen.connect(self.chosen)
        menus.open.triggered.connect(opening.ask_file)
        menus.open_folder.triggered.connect(opening.ask_folder)
        menus.open_address.triggered.connect(opening.ask_address)
        menus.screen.triggered.connect(opening.take_screen)
        menus.screen_part.triggered.connect(opening.ask_screen_part)
        menus.welcome.triggered.connect(self.show_welcome)
        menus.clear_recent.triggered.connect(lambda: store.update(recent_sources=()))
        menus.camera_size_chosen.connect(lambda size_wh: store.update(camera_size_wh=size_wh))
        layout.source_bar.chosen.connect(self.choose_entered)
        layout.source_bar.given_up.connect(self._show_open)

    def begin(self, source: str | None) -> None:
        """Choose this source; None is what was played last if it is live, or a camera, after a first welcome."""
        self.cameras.start()
        if source:
            self.chosen.emit(source)
        elif not self._store.settings.welcome_seen:
            self.show_welcome()
        else:
            self._choose_usual()

    def choose_entered(self) -> None:
        """Choose what is entered in the row above the picture, or ask for a file."""
        if source := self._layout.source_bar.source():
            self.chosen.emit(source)
        else:
            self.opening.ask_file()

    def _show_open(self) -> None:
        if self._playback.phase.open:
            self._layout.source_bar.set_source(self._playback.source)

    def remember(self, source: str) -> None:
        """A source begins to play."""
        self._camera_name = self.cameras.named(source)
        self._layout.show_page(self._layout.view)
        self._layout.source_bar.set_source(source)
        self.opening.remember(source)
        self._store.set(replace(self._store.settings.with_source(source), welcome_seen=True))

    def forget(self, source: str) -> None:
        """A source turned out to be none."""
        self._store.set(self._store.settings.without_source(source))

    def shown(self, source: str) -> str:
        """The source in words; a camera keeps its name while it is unplugged."""
        if source_kind(source) == "camera" and source == self._playback.source and self._camera_name:
            return self._camera_name
        return shown_source(source, self.cameras.found)

    def offer(self) -> None:
        """Bring everything up to date that offers sources."""
        cameras, settings, source = self.cameras.found, self._store.settings, self._playback.source
        playing = source if self._playback.phase.running else ""
        offered = (tuple(cameras), settings.recent_sources, settings.camera_size_wh, source, playing)
        if offered == self._offered:
            return
        self._offered = offered
        sizes_wh = next((camera.sizes_wh for camera in cameras if camera.source == source), ())
        self._menus.set_cameras(cameras, playing)
        self._menus.set_camera_sizes(sizes_wh, settings.camera_size_wh)
        self._menus.set_recent(settings.recent_sources)
        self._layout.source_bar.set_sources(cameras, settings.recent_sources)
        if self._welcome is not None:
            self._welcome.set_cameras(cameras)

    def show_welcome(self) -> None:
        """Show the first-run page in place of the picture."""
        from gesture_app.ui.welcome import WelcomePage

        if self._welcome is None:
            self._welcome = WelcomePage(self.cameras.found)
            self._welcome.chosen.connect(self._leave_welcome)
            self._welcome.file_requested.connect(self._leave_welcome)
            self._welcome.file_requested.connect(self.opening.ask_file)
            self._welcome.skipped.connect(self._skip_welcome)
        self._layout.show_page(self._welcome)
        self._welcome.come_after(self._layout.source_bar.last_part)

    def _leave_welcome(self, source: str = "") -> None:
        self._store.update(welcome_seen=True)
        self._layout.show_page(self._layout.view)
        if source:
            self.chosen.emit(source)

    def _skip_welcome(self) -> None:
        self._leave_welcome()
        if not self._playback.source:
            self._choose_usual()

    def _choose_usual(self) -> None:
        """The camera or stream of the last time, else the first camera; a file of the last time is only offered."""
        last = self._store.settings.last_source
        numbers = [camera.source for camera in self.cameras.found]
        if last in numbers or (last and source_kind(last) == "stream"):
            self.chosen.emit(last)
        elif numbers:
            self.chosen.emit(numbers[0])
        elif last:
            self._layout.source_bar.set_source(last)  # Start plays it again

    def _follow_cameras(self) -> None:
        """Offer what is connected; go on at once with a camera that is back, under whatever number it has now."""
        self.offer()
        playing = self._playback.source
        numbers = {camera.name: camera.source for camera in self.cameras.found}
        if not playing and self._layout.stack.currentWidget() is self._layout.view:
            self._choose_usual()
        elif source_kind(playing) == "camera" and self._playback.phase in WAITING:
            number = numbers.get(self._camera_name or "", playing)
            if number != playing:
                self.chosen.emit(number)
            elif number in numbers.values():
                self._playback.retry()
