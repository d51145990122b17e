"""The list of gesture events, and what can be done with it."""

from __future__ import annotations

import time
from collections.abc import Callable
from os.path import lexists
from pathlib import Path

from PyQt6.QtCore import QModelIndex, QSignalBlocker, QSize, Qt, pyqtSignal
from PyQt6.QtGui import QAction, QGuiApplication, QKeySequence, QResizeEvent
from PyQt6.QtWidgets import (
    QAbstractItemView,
    QFileDialog,
    QHBoxLayout,
    QLabel,
    QMessageBox,
    QStackedLayout,
    QTableView,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from gesture_app.errors import GestureError
from gesture_app.events import EventChanges, GestureEvent, events_csv, write_events
from gesture_app.ui.chime import Chime
from gesture_app.ui.desktop import Place, is_sure, user_folder
from gesture_app.ui.event_table import END, GESTURE, HAND, SOURCE, START, SURE, EventTable
from gesture_app.ui.icons import icon
from gesture_app.ui.menu_texts import plain, tip
from gesture_app.vision.labels import HAGRID_LABELS
from gesture_app.vision.style import gesture_name

REFRESH_S = 0.25
WIDEST = {
    GESTURE: max(map(gesture_name, HAGRID_LABELS), key=len),
    START: "00:00:00",
    END: "00:00:00",
    HAND: "R 000",
    SURE: "100 %",
    SOURCE: "holidays 2026.mp4",
}
CELL_PADDING_PX = 12


class EventView(QTableView):
    """The gestures get what the other columns leave, and never less than their names need.

    Attributes:
        least_px: what every column needs, those that are hidden too.
    """

    def __init__(self) -> None:
        super().__init__()
        self.least_px: dict[int, int] = {}

    def sizeHint(self) -> QSize:
        """Room for all columns."""
        bar = self.verticalScrollBar()
        edge_px = 2 * self.frameWidth() + (bar.sizeHint().width() if bar is not None else 0)
        shown_px = sum(px for column, px in self.least_px.items() if not self.isColumnHidden(column))
        return QSize(shown_px + edge_px, super().sizeHint().height())

    def resizeEvent(self, event: QResizeEvent | None) -> None:
        """Share the width."""
        super().resizeEvent(event)
        self._share()

    def show_source(self, shown: bool) -> None:
        """Show or hide where events were seen."""
        if shown is self.isColumnHidden(SOURCE):
            self.setColumnHidden(SOURCE, not shown)
            self._share()

    def _share(self) -> None:
        others = sum(self.columnWidth(column) for column in self.least_px if column != GESTURE)
        viewport = self.viewport()
        assert viewport is not None
        self.setColumnWidth(GESTURE, max(self.least_px[GESTURE], viewport.width() - others))


class EventPanel(QWidget):
    """Shows every gesture that was seen, exports, copies and clears.

    Signals:
        sounds_toggled: the user has switched sounds on or off.
        event_chosen: the user wants to see an event of a file; carries the file, and the start in seconds.
        told: what was done, or why an event that was chosen cannot be shown.
    """

    sounds_toggled = pyqtSignal(bool)
    event_chosen = pyqtSignal(str, float)
    told = pyqtSignal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._refreshed_s = 0.0
        self._chime = Chime(self)
        self.table = EventTable(self)
        self.view = self._make_view()
        self.empty = QLabel(self.tr("Gestures that are seen appear here."))
        self.empty.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.empty.setWordWrap(True)
        self.empty.setEnabled(False)
        self.count_label = QLabel()
        self._make_actions()
        self._stack = QStackedLayout()
        self._stack.addWidget(self.empty)
        self._stack.addWidget(self.view)
        row = QHBoxLayout()
        row.addWidget(self.count_label, 1)
        for action in (self.sounds_action, self.copy_action, self.export_action, self.clear_action):
            button = QToolButton()
            button.setDefaultAction(action)
            button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
            button.setAccessibleName(plain(action.text()))
            row.addWidget(button)
        column = QVBoxLayout(self)
        column.setContentsMargins(8, 4, 8, 8)
        column.addLayout(row)
        column.addLayout(self._stack, 1)
        for signal in (self.table.rowsInserted, self.table.rowsRemoved, self.table.modelReset):
            signal.connect(lambda *_: self._count())
        self._count()

    @property
    def events(self) -> tuple[GestureEvent, ...]:
        """All events in the list, the oldest first."""
        return self.table.events

    def show_changes(self, changes: EventChanges) -> None:
        """Take what a frame has done to the events."""
        now_s = time.monotonic()
        news = bool(changes.started or changes.ended or changes.dropped)
        if not news and (not changes.active or now_s - self._refreshed_s < REFRESH_S):
            return
        self._refreshed_s = now_s
        self.table.update((*changes.ended, *changes.active), changes.dropped)
        if changes.started and self.sounds_action.isChecked():
            self._chime.play()

    def set_sounds(self, on: bool) -> None:
        """Switch sounds, without a signal."""
        with QSignalBlocker(self):
            self.sounds_action.setChecked(on)

    def sizeHint(self) -> QSize:
        """Room for the columns and some rows."""
        layout = self.layout()
        assert layout is not None
        margins = layout.contentsMargins()
        width = self.view.sizeHint().width() + margins.left() + margins.right()
        return QSize(width, 14 * self.fontMetrics().height())

    def minimumSizeHint(self) -> QSize:
        """What was seen and when, or where, stays readable in the smallest window; the rest can be scrolled to."""
        shown = (column for column in self.view.least_px if not self.view.isColumnHidden(column))
        others_px = sum(self.view.least_px[column] for column in shown if column not in (GESTURE, START))
        return QSize(self.sizeHint().width() - others_px, super().minimumSizeHint().height())

    def _make_view(self) -> EventView:
        view = EventView()
        view.setModel(self.table)
        view.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        view.setAccessibleName(self.tr("Gesture events"))
        view.setShowGrid(False)
        view.setAlternatingRowColors(True)
        view.setTabKeyNavigation(False)
        view.setTextElideMode(Qt.TextElideMode.ElideMiddle)
        view.setWordWrap(False)  # else a name is cut line by line, and its end is lost
        view.setHorizontalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        rows, columns = view.verticalHeader(), view.horizontalHeader()
        assert rows is not None and columns is not None
        rows.hide()
        row_px = round(1.8 * view.fontMetrics().height())
        rows.setDefaultSectionSize(row_px)
        view.setIconSize(QSize(row_px - 5, row_px - 5))
        columns.setHighlightSections(False)
        columns.setMinimumSectionSize(24)
        for column, text in WIDEST.items():
            title = self.table.headerData(column, Qt.Orientation.Horizontal)
            widest_px = max(columns.fontMetrics().horizontalAdvance(shown) for shown in (text, f"{title}  "))
            view.least_px[column] = widest_px + CELL_PADDING_PX + (view.iconSize().width() if column == GESTURE else 0)
            columns.resizeSection(column, view.least_px[column])
        columns.moveSection(SOURCE, 1)
        view.setColumnHidden(SOURCE, True)
        view.setContextMenuPolicy(Qt.ContextMenuPolicy.ActionsContextMenu)
        view.activated.connect(self._choose)
        return view

    def _make_actions(self) -> None:
        self.export_action = self._action("export", self.tr("&Export events…"), "Ctrl+E", self._ask_and_export)
        self.copy_action = self._action("copy", self.tr("&Copy events"), "Ctrl+C", self.copy)
        self.copy_action.setShortcutContext(Qt.ShortcutContext.WidgetWithChildrenShortcut)
        self.clear_action = self._action("clear", self.tr("C&lear events"), "Ctrl+Shift+Del", self._ask_and_clear)
        self.sounds_action = self._action("sound-off", self.tr("&Sounds"), "Ctrl+Shift+M")
        self.sounds_action.setCheckable(True)
        self.sounds_action.toggled.connect(lambda on: self.sounds_action.setIcon(icon("sound" if on else "sound-off")))
        self.sounds_action.toggled.connect(self.sounds_toggled)
        self.sounds_action.setToolTip(self.tr("A short sound when a gesture begins"))
        self.go_action = QAction(self.tr("&Go to where it began"), self)
        self.go_action.triggered.connect(lambda: self._choose(self.view.currentIndex()))
        self.view.addActions([self.go_action, self.copy_action, self.export_action, self.clear_action])

    def _action(self, name: str, text: str, keys: str, do: Callable[[], object] = lambda: None) -> QAction:
        action = QAction(icon(name), text, self)
        action.setShortcut(QKeySequence(keys))
        action.setToolTip(tip(action))
        action.triggered.connect(lambda _checked: do())
        self.addAction(action)
        return action

    def copy(self) -> None:
        """Put the selected events, or without a selection all, on the clipboard as a table."""
        selection = self.view.selectionModel()
        rows = sorted({index.row() for index in selection.selectedRows()} if selection is not None else ())
        chosen = [self.table.event_at(row) for row in reversed(rows)] or self.events
        clipboard = QGuiApplication.clipboard()
        assert clipboard is not None
        clipboard.setText(events_csv(chosen, delimiter="\t"))
        self.told.emit(self.tr("{events} copied").format(events=self._counted(len(chosen))))

    def _ask_and_export(self) -> None:
        kinds = {self.tr("Table (*.csv)"): ".csv", self.tr("JSON lines (*.jsonl)"): ".jsonl"}
        usual = Path(user_folder(Place.DocumentsLocation)) / self._usual_name()
        name, kind = QFileDialog.getSaveFileName(self, self.tr("Export events"), str(usual), ";;".join(kinds))
        if not name:
            return
        named = Path(name).suffix.lower() in kinds.values()  # "gestures 27.11.2026" has a dot, but no end
        path = Path(name) if named else Path(name + kinds.get(kind, ".csv"))
        question = self.tr("{name} already exists. Replace it?").format(name=path.name)
        if lexists(path) and path != Path(name) and not is_sure(self, self.tr("Export events"), question):
            return  # the dialog, which saw the name without its end, did not ask
        try:
            write_events(path, self.events)
        except GestureError as error:
            QMessageBox.warning(self, self.tr("Not exported"), str(error))
            return
        text = self.tr("{events} exported to {name}")
        self.told.emit(text.format(events=self._counted(len(self.events)), name=path.name))

    def _usual_name(self) -> str:
        """That of the file or the folder, if all events are of one."""
        source, event = Path(self.table.only_source), self.events[0]
        if not source.name or event.started_at is not None:
            return "gestures.csv"
        return f"{source.name if event.picture else source.stem}-gestures.csv"  # a folder's name may have a dot, too

    def _ask_and_clear(self) -> None:
        if is_sure(self, self.tr("Clear events"), self.tr("Forget all events in the list?")):
            self.table.clear()

    def _choose(self, index: QModelIndex) -> None:
        if not index.isValid():
            return
        event = self.table.event_at(index.row())
        if event.started_at is None:
            self.event_chosen.emit(self.table.source_at(index.row()), event.start_s)
        else:
            self.told.emit(self.tr("This gesture was seen live; it cannot be shown again"))

    def _counted(self, count: int) -> str:
        return self.tr("1 event") if count == 1 else self.tr("{count} events").format(count=count)

    def _count(self) -> None:
        count = len(self.events)
        self._stack.setCurrentWidget(self.view if count else self.empty)
        self.view.show_source(self.table.tells_source)
        self.count_label.setText(self._counted(count) if count else "")
        for action in (self.copy_action, self.export_action, self.clear_action):
            action.setEnabled(count > 0)
