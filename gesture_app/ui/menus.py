"""Every action of the window, with its key, in the menus."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from PyQt6.QtCore import QObject, pyqtSignal
from PyQt6.QtGui import QAction, QActionGroup, QKeySequence
from PyQt6.QtWidgets import QMainWindow, QMenu

from gesture_app.settings import PictureMode, Theme
from gesture_app.ui.cameras import USUAL_SIZES_WH, Camera
from gesture_app.ui.icons import icon
from gesture_app.ui.menu_texts import shown_speed, tip
from gesture_app.ui.source_bar import shown_source
from gesture_app.video.addresses import masked, source_kind

MOST_CAMERA_KEYS = 9
SPEEDS = (0.25, 0.5, 1.0, 1.5, 2.0)


class Menus(QObject):
    """Makes the menus of a window; whoever has the parts connects the actions, which are attributes.

    Signals:
        source_chosen: a camera, or one of the recent sources.
        camera_size_chosen: width and height in pixels, or None for what the camera likes.
        speed_chosen: how many seconds of a clip are to be shown in one.
        picture_mode_chosen, theme_chosen: one of the values of the settings.
    """

    source_chosen = pyqtSignal(str)
    camera_size_chosen = pyqtSignal(object)
    speed_chosen = pyqtSignal(float)
    picture_mode_chosen = pyqtSignal(str)
    theme_chosen = pyqtSignal(str)

    def __init__(self, window: QMainWindow) -> None:
        super().__init__(window)
        self._window = window
        self._make_file_menu(self._menu(self.tr("&File")))
        self._make_playback_menu(self._menu(self.tr("&Playback")))
        self.view_menu = self._menu(self.tr("&View"))
        self._make_view_menu(self.view_menu)
        self.gestures_menu = self._menu(self.tr("&Gestures"))
        self.gestures = self._action(self.gestures_menu, self.tr("&The gestures…"), "G", "info")
        self._make_tools_menu(self._menu(self.tr("&Tools")))
        self._make_help_menu(self._menu(self.tr("&Help")))

    def set_cameras(self, cameras: Sequence[Camera], playing: str) -> None:
        """Offer these cameras, the first nine with the keys 1 to 9, and mark the one that plays."""
        self._empty(self.camera_menu)
        choices = (
            (camera.source, camera.name.replace("&", "&&"), str(number) if number <= MOST_CAMERA_KEYS else None)
            for number, camera in enumerate(cameras, 1)
        )
        actions = self._choices(self.camera_menu, self.source_chosen.emit, choices)
        if playing in actions:
            actions[playing].setChecked(True)
        if not cameras:
            none = self.camera_menu.addAction(self.tr("No camera is connected"))
            assert none is not None
            none.setEnabled(False)

    def set_camera_sizes(self, sizes_wh: Sequence[tuple[int, int]], chosen: tuple[int, int] | None) -> None:
        """Offer these sizes of the camera's picture, the usual ones where none are known, and mark the chosen one."""
        self._empty(self.size_menu)
        offered = sorted({*(sizes_wh or USUAL_SIZES_WH), *([chosen] if chosen else [])})
        sizes = [(None, self.tr("Automatic"), None), *((wh, f"{wh[0]} × {wh[1]}", None) for wh in offered)]
        self._choices(self.size_menu, self.camera_size_chosen.emit, sizes)[chosen].setChecked(True)

    def set_recent(self, sources: Sequence[str]) -> None:
        """Offer these files and addresses; passwords are not shown."""
        self._empty(self.recent_menu)
        for source in sources:
            kind = source_kind(source)
            text = masked(source) if kind == "stream" else shown_source(source)
            if kind == "screen":
                text = text[:1].upper() + text[1:]
            action = self._action(self.recent_menu, text.replace("&", "&&"), None)
            action.setToolTip(masked(source) if kind == "stream" else source)
            action.triggered.connect(lambda _, source=source: self.source_chosen.emit(source))
        self.recent_menu.setEnabled(bool(sources))
        self.recent_menu.addSeparator()
        self.recent_menu.addAction(self.clear_recent)

    def set_choices(self, mode: PictureMode, theme: Theme) -> None:
        """Mark what is chosen."""
        self._modes[mode].setChecked(True)
        self._themes[theme].setChecked(True)

    def enable_clip(self, clip: bool) -> None:
        """Whether there is something that can be sought."""
        steps = (self.back, self.forward, self.jump_back, self.jump_forward, self.to_start, self.to_end)
        for action in (*steps, self.slower, self.faster):
            action.setEnabled(clip)

    def _make_file_menu(self, menu: QMenu) -> None:
        self.open = self._action(menu, self.tr("&Open…"), "Ctrl+O", "open")
        self.open_folder = self._action(menu, self.tr("Open &folder of pictures…"), "Ctrl+Shift+O", "folder")
        self.open_address = self._action(menu, self.tr("Open &address…"), "Ctrl+L", "stream")
        self.recent_menu = self._submenu(menu, self.tr("Open &recent"))
        self.recent_menu.setToolTipsVisible(True)
        self.clear_recent = QAction(self.tr("&Clear this list"), self._window)
        menu.addSeparator()
        self.camera_menu = self._submenu(menu, self.tr("&Camera"), "camera")
        self.size_menu = self._submenu(menu, self.tr("Camera si&ze"))
        self.screen = self._action(menu, self.tr("&Whole screen"), "Ctrl+Shift+S", "screen")
        self.screen_part = self._action(menu, self.tr("&Part of the screen…"), "Ctrl+Shift+P")
        menu.addSeparator()
        self.snapshot = self._action(menu, self.tr("&Snapshot"), "S", "snapshot")
        self.record = self._action(menu, self.tr("R&ecord"), "R", "record", checkable=True)
        self.show_recordings = self._action(menu, self.tr("Show recor&dings"), "Ctrl+Shift+R", "folder")
        menu.addSeparator()
        self.quit = self._action(menu, self.tr("&Quit"), "Ctrl+Q")
        self.quit.setMenuRole(QAction.MenuRole.QuitRole)

    def _make_playback_menu(self, menu: QMenu) -> None:
        self.toggle = self._action(menu, self.tr("&Play or pause"), "Space", "play")
        self.stop = self._action(menu, self.tr("&Stop"), "Ctrl+.", "stop")
        menu.addSeparator()
        self.back = self._action(menu, self.tr("Frame &back"), "Left", "step-back")
        self.forward = self._action(menu, self.tr("Frame &forward"), "Right", "step-forward")
        self.jump_back = self._action(menu, self.tr("F&ive seconds back"), "Ctrl+Left")
        self.jump_forward = self._action(menu, self.tr("Fi&ve seconds forward"), "Ctrl+Right")
        self.to_start = self._action(menu, self.tr("To the s&tart"), "Home")
        self.to_end = self._action(menu, self.tr("To the &end"), "End")
        menu.addSeparator()
        self.loop = self._action(menu, self.tr("&Repeat"), "L", "repeat", checkable=True)
        self.speed_menu = self._submenu(menu, self.tr("Spee&d"))
        speeds = [(speed, shown_speed(speed), None) for speed in SPEEDS]
        self._speeds = self._choices(self.speed_menu, self.speed_chosen.emit, speeds)
        self._speeds[1.0].setChecked(True)
        self.speed_menu.addSeparator()
        self.slower = self._action(self.speed_menu, self.tr("&Slower"), "[")
        self.faster = self._action(self.speed_menu, self.tr("&Faster"), "]")
        self.slower.triggered.connect(lambda: self._change_speed(-1))
        self.faster.triggered.connect(lambda: self._change_speed(1))

    def _change_speed(self, steps: int) -> None:
        speeds = list(self._speeds.values())
        number = [action.isChecked() for action in speeds].index(True) + steps
        if 0 <= number < len(speeds):
            speeds[number].trigger()

    def _make_view_menu(self, menu: QMenu) -> None:
        self.mirror = self._action(menu, self.tr("&Mirror"), "M", "mirror", checkable=True)
        modes = (
            ("fit", self.tr("F&it the window"), "Ctrl+0"),
            ("actual", self.tr("&Actual pixels (100 %)"), "Ctrl+1"),
            ("fill", self.tr("Fi&ll the window"), "Ctrl+2"),
        )
        self._modes = self._choices(
            self._submenu(menu, self.tr("&Picture"), "fit"), self.picture_mode_chosen.emit, modes
        )
        themes = (
            ("system", self.tr("As the &system"), "Ctrl+Alt+S"),
            ("light", self.tr("&Light"), "Ctrl+Alt+L"),
            ("dark", self.tr("&Dark"), "Ctrl+Alt+D"),
        )
        self._themes = self._choices(self._submenu(menu, self.tr("&Colours"), "theme"), self.theme_chosen.emit, themes)
        menu.addSeparator()
        self.full_screen = self._action(menu, self.tr("&Full screen"), "F", "full-screen", checkable=True)
        self.full_screen.setShortcuts([QKeySequence("F"), QKeySequence("F11")])
        self.leave_full_screen = self._action(menu, self.tr("Lea&ve full screen"), "Esc")
        self.leave_full_screen.setEnabled(False)
        menu.addSeparator()

    def _make_tools_menu(self, menu: QMenu) -> None:
        self.annotate = self._action(menu, self.tr("&Annotate videos…"), "Ctrl+Shift+A", "annotate")
        self.train = self._action(menu, self.tr("&Train on your pictures…"), "Ctrl+T", "train")
        menu.addSeparator()
        self.doctor = self._action(menu, self.tr("&Check this computer…"), "Ctrl+Shift+D", "doctor")

    def _make_help_menu(self, menu: QMenu) -> None:
        self.shortcuts = self._action(menu, self.tr("&Keyboard shortcuts"), "F1", "keyboard")
        self.shortcuts.setShortcuts([QKeySequence("F1"), QKeySequence("?")])
        self.welcome = self._action(menu, self.tr("&Welcome page"), "Ctrl+Shift+W")
        self.about = self._action(menu, self.tr("&About"), "Shift+F1", "info")
        self.about.setMenuRole(QAction.MenuRole.AboutRole)

    def _menu(self, title: str) -> QMenu:
        bar = self._window.menuBar()
        assert bar is not None
        menu = bar.addMenu(title)
        assert menu is not None
        return menu

    def _submenu(self, menu: QMenu, title: str, icon_name: str | None = None) -> QMenu:
        submenu = menu.addMenu(title)
        assert submenu is not None
        if icon_name:
            submenu.setIcon(icon(icon_name))
        return submenu

    def _empty(self, menu: QMenu) -> None:
        """Take the actions out of a menu, and those that were made for it out of the window."""
        for action in menu.actions():
            menu.removeAction(action)
            if action.parent() is menu:
                self._window.removeAction(action)
                action.deleteLater()
        for group in menu.findChildren(QActionGroup):
            group.deleteLater()

    def _action(
        self, menu: QMenu, text: str, key: str | None, icon_name: str | None = None, checkable: bool = False
    ) -> QAction:
        action = QAction(text, menu)
        if key:
            action.setShortcut(QKeySequence(key))
        action.setToolTip(tip(action))  # not of its buttons: they take the action's again whenever it changes
        if icon_name:
            action.setIcon(icon(icon_name))
        action.setCheckable(checkable)
        menu.addAction(action)
        self._window.addAction(action)  # a shortcut of a hidden menu bar is dead: in full screen the window carries it
        return action

    def _choices(
        self, menu: QMenu, tell: Callable[[Any], object], choices: Iterable[tuple[Any, str, str | None]]
    ) -> dict[Any, QAction]:
        """The actions of values with texts and keys, of which one at a time is checked; what is chosen is told."""
        group, actions = QActionGroup(menu), {}
        for value, text, key in choices:
            action = actions[value] = self._action(menu, text, key, checkable=True)
            action.triggered.connect(lambda _, value=value: tell(value))
            group.addAction(action)
        return actions
