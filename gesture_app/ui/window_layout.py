"""Where the parts of the window are: the picture in the middle, docks around it."""

from __future__ import annotations

from PyQt6.QtCore import QByteArray, QCoreApplication, QSettings, Qt, QTimer
from PyQt6.QtGui import QAction, QGuiApplication, QKeySequence
from PyQt6.QtWidgets import (
    QDockWidget,
    QGridLayout,
    QLabel,
    QMainWindow,
    QSizePolicy,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

from gesture_app.settings import Settings
from gesture_app.ui.controls import Controls
from gesture_app.ui.desktop import resize_to_fit, room_for
from gesture_app.ui.event_panel import EventPanel
from gesture_app.ui.figures import Figures
from gesture_app.ui.menu_texts import plain
from gesture_app.ui.notice import Notice
from gesture_app.ui.playback_bar import PlaybackBar
from gesture_app.ui.source_bar import SourceBar
from gesture_app.ui.timeline import Timeline
from gesture_app.ui.top_bars import TopBars
from gesture_app.ui.video_view import VideoView

LAYOUT_VERSION = 1
PUT_BACK_MS = 300
PICTURE_ROW, PLAYBACK_ROW = 1, 2
Area = Qt.DockWidgetArea


class WindowLayout:
    """Makes the parts of a window, which know nothing of each other, and puts them into it.

    Attributes:
        dock_actions: what shows and hides the docks.
    """

    def __init__(self, window: QMainWindow, settings: Settings) -> None:
        self._window = window
        self._before_full_screen: tuple[QByteArray, QByteArray] | None = None
        self.source_bar = SourceBar()
        self.view = VideoView()
        self.playback_bar = PlaybackBar()
        self.notice = Notice()
        self.controls = Controls(settings)
        self.event_panel = EventPanel()
        self.timeline = Timeline()
        self.bars = TopBars()
        self.figures = Figures()
        self.drop_sign = QLabel()
        self.drop_sign.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.drop_sign.setObjectName("drop")
        self.drop_sign.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Ignored)
        self.drop_sign.hide()
        self.dock_actions: list[QAction] = []

        self.stack = QStackedWidget()
        self.stack.addWidget(self.view)
        self._centre = QWidget()
        foot = QWidget()  # over the picture, which does not jump then
        self._foot = QVBoxLayout(foot)
        self._foot.setContentsMargins(0, 0, 0, 0)
        self._foot.addWidget(self.notice)
        self._rows = QGridLayout(self._centre)
        self._rows.addWidget(self.source_bar, 0, 0)
        for part in (self.stack, self.drop_sign):
            self._rows.addWidget(part, PICTURE_ROW, 0)
        self._rows.addWidget(foot, PICTURE_ROW, 0, Qt.AlignmentFlag.AlignBottom)
        self._rows.addWidget(self.playback_bar, PLAYBACK_ROW, 0)
        self._rows.setRowStretch(PICTURE_ROW, 1)
        window.setCentralWidget(self._centre)
        window.setStatusBar(self.figures)
        window.setDockOptions(QMainWindow.DockOption.AllowTabbedDocks | QMainWindow.DockOption.AnimatedDocks)
        window.setCorner(Qt.Corner.BottomRightCorner, Area.RightDockWidgetArea)

        translate, right, below = QCoreApplication.translate, Area.RightDockWidgetArea, Area.BottomDockWidgetArea
        controls = self._dock("controls", translate("WindowLayout", "&Settings"), "Ctrl+,", self.controls, right)
        events = self._dock("events", translate("WindowLayout", "&Events"), "Ctrl+Shift+E", self.event_panel, right)
        bars = self._dock("bars", translate("WindowLayout", "P&robabilities"), "Ctrl+Shift+B", self.bars, right)
        timeline = self._dock("timeline", translate("WindowLayout", "&Timeline"), "Ctrl+Shift+T", self.timeline, below)
        window.tabifyDockWidget(controls, events)
        controls.raise_()
        bars.hide()
        self._beside, self._below = (controls, events), timeline
        self._without_room: set[QDockWidget] = set()

    def fit_screen(self, store: QSettings | None) -> None:
        """Give the window, which has all its parts by now, the size and the docks that were kept, or the usual ones.

        Docks for which the screen has no room are hidden.
        """
        self._window.setMinimumSize(640, 420)
        resize_to_fit(self._window, 1240, 820)
        if store is not None:
            self._restore(store)
        self._make_room()

    def lift_docks(self) -> None:
        """Show the floating docks anew, now that the window is there: Wayland would leave them behind it."""
        for dock in self._window.findChildren(QDockWidget):
            if dock.isFloating() and dock.isVisible():
                dock.hide()
                dock.setAttribute(Qt.WidgetAttribute.WA_ShowWithoutActivating)
                dock.show()

    def show_page(self, page: QWidget) -> None:
        """Show a page in place of the picture, or the picture."""
        if self.stack.indexOf(page) < 0:
            self.stack.addWidget(page)
        self.stack.setCurrentWidget(page)

    def offer_drop(self, text: str) -> None:
        """Say over the picture what dropping would do, or with an empty text no more."""
        self.drop_sign.setText(text)
        self.drop_sign.setVisible(bool(text))

    def set_full_screen(self, on: bool) -> None:
        """Show nothing but the picture, with the playback bar over it if it is shown, or everything as it was."""
        window = self._window
        if on:
            self._before_full_screen = window.saveGeometry(), window.saveState(LAYOUT_VERSION)
            for dock in window.findChildren(QDockWidget):
                dock.hide()
        for part in (self.source_bar, self.figures, window.menuBar()):
            assert part is not None
            part.setVisible(not on)
        if on:
            self._rows.setContentsMargins(0, 0, 0, 0)
            self._rows.removeWidget(self.playback_bar)
            self._foot.addWidget(self.playback_bar)
        else:
            self._rows.unsetContentsMargins()
            self._foot.removeWidget(self.playback_bar)
            self._rows.addWidget(self.playback_bar, PLAYBACK_ROW, 0)
        self.playback_bar.set_over_picture(on)
        in_sight = any(screen.geometry().intersects(window.normalGeometry()) for screen in QGuiApplication.screens())
        other_states = window.windowState() & ~Qt.WindowState.WindowFullScreen
        window.setWindowState(other_states | Qt.WindowState.WindowFullScreen if on else other_states)
        if not on and self._before_full_screen is not None:
            window.restoreState(self._before_full_screen[1], LAYOUT_VERSION)
            self._before_full_screen = None
            if not in_sight:  # its screen was lost meanwhile, and the window manager is about to put it back there
                QTimer.singleShot(PUT_BACK_MS, lambda: window.restoreGeometry(window.saveGeometry()))  # into sight

    def save(self, store: QSettings) -> None:
        """Keep size and docks, in full screen those of before; not the docks where some are hidden for want of room."""
        window = self._window
        geometry, state = self._before_full_screen or (window.saveGeometry(), window.saveState(LAYOUT_VERSION))
        store.setValue("geometry", geometry)
        if not any(dock.isHidden() for dock in self._without_room):
            store.setValue("docks", state)
        store.sync()  # the process may be left before Qt does so

    def _restore(self, store: QSettings) -> None:
        """Take size and docks as they were kept; what does not fit any more is left as it is."""
        geometry, state = store.value("geometry"), store.value("docks")
        if isinstance(geometry, QByteArray):
            self._window.restoreGeometry(geometry)
            self._window.setWindowState(self._window.windowState() & ~Qt.WindowState.WindowFullScreen)
        if isinstance(state, QByteArray):
            self._window.restoreState(state, LAYOUT_VERSION)

    def _make_room(self) -> None:
        """Hide the docks because of which the window would be larger than the screen."""
        least, room = self._window.minimumSizeHint(), room_for(self._window)
        beside = self._beside if least.width() > room.width() else ()
        below = (self._below,) if least.height() > room.height() else ()
        hidden = {dock for dock in (*beside, *below) if not dock.isHidden()}
        for dock in hidden:
            dock.hide()
        self._without_room |= hidden

    def _dock(self, name: str, title: str, key: str, part: QWidget, area: Area) -> QDockWidget:
        """A dock, and the action that shows it, in whose title is the key that chooses it in the menu."""
        dock = QDockWidget(plain(title), self._window)
        dock.setObjectName(name)
        dock.setWidget(part)
        self._window.addDockWidget(area, dock)
        action = QAction(title, dock)
        action.setShortcut(QKeySequence(key))
        action.setCheckable(True)
        action.triggered.connect(lambda shown: _show(dock, shown))
        dock.visibilityChanged.connect(action.setChecked)  # false as well for a dock behind another
        self.dock_actions.append(action)
        return dock


def _show(dock: QDockWidget, shown: bool) -> None:
    """Show a dock, before all others at its place, or close it."""
    dock.setVisible(shown)
    if shown:
        dock.raise_()
