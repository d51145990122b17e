"""The list of events: rows, export, copy, clear, sounds."""

from __future__ import annotations

import csv
import io
import sys
import wave
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from types import SimpleNamespace

import pytest
from PyQt6.QtCore import Qt
from PyQt6.QtGui import QGuiApplication, QIcon, QImage
from PyQt6.QtTest import QAbstractItemModelTester
from PyQt6.QtWidgets import QFileDialog, QMessageBox, QToolButton

from gesture_app.events import EventChanges, GestureEvent
from gesture_app.ui import chime, event_panel, event_table
from gesture_app.ui.chime import LENGTH_S, Chime, bell_wav
from gesture_app.ui.event_panel import EventPanel
from gesture_app.ui.event_table import END, GESTURE, HAND, SOURCE, START, SURE
from gesture_app.ui.icons import icon
from gesture_app.ui.menu_texts import plain
from gesture_app.vision.labels import HAGRID_LABELS
from gesture_app.vision.style import gesture_name


def event(number: int, label: str = "like", end_s: float | None = None, started_at: datetime | None = None):
    return GestureEvent(
        number, label, 3, number * 60.25, end_s, end_s or number * 60.25 + 2, 0.876, "a.mp4", started_at
    )


def started(*events: GestureEvent) -> EventChanges:
    return EventChanges(0.0, events, events)


@pytest.fixture
def panel(qtbot) -> EventPanel:
    panel = EventPanel()
    qtbot.addWidget(panel)
    panel.tester = QAbstractItemModelTester(panel.table)
    panel.show()
    return panel


def rows(panel: EventPanel) -> list[list[str]]:
    table = panel.table
    return [
        [table.index(row, column).data() for column in range(table.columnCount())] for row in range(table.rowCount())
    ]


def test_empty(panel):
    assert panel.empty.isVisible() and not panel.view.isVisible() and panel.isAncestorOf(panel.view)
    assert not any(a.isEnabled() for a in (panel.copy_action, panel.export_action, panel.clear_action))
    assert panel.clear_action.toolTip() == "Clear events (Ctrl+Shift+Del)"
    panel.show_changes(EventChanges(1.0))
    assert panel.events == () and panel.count_label.text() == ""


def test_the_side_of_a_hand_stands_before_its_number(panel):
    panel.show_changes(started(replace(event(1), side="right")))
    assert rows(panel)[0][3] == "R 3"


def test_what_is_live_comes_first_though_its_times_begin_again(panel):
    began = datetime(2026, 1, 2, 3, 4, 5)
    for number, start_s in ((1, 60.0), (2, 1.0)):
        panel.show_changes(started(replace(event(number, end_s=start_s + 1, started_at=began), start_s=start_s)))
    assert [shown.number for shown in panel.events] == [1, 2] and rows(panel)[0][1] == rows(panel)[1][1]


def test_rows_begin_last_and_end(panel):
    panel.show_changes(started(event(1, "two_up")))
    assert [row[:SOURCE] for row in rows(panel)] == [["two up", "1:00.2", "…", "3", "88 %"]]
    panel.show_changes(EventChanges(0.0, (event(2),), (event(2),), (event(1, "two_up", 65.0),)))
    assert [row[:SOURCE] for row in rows(panel)] == [
        ["like", "2:00.5", "…", "3", "88 %"],
        ["two up", "1:00.2", "1:05.0", "3", "88 %"],
    ]
    assert panel.count_label.text() == "2 events" and panel.view.isVisible()


def test_live_events_show_the_time_of_day(panel):
    panel.show_changes(started(event(1, end_s=63.25, started_at=datetime(2026, 5, 4, 13, 59, 59))))
    assert rows(panel)[0][1:3] == ["13:59:59", "14:00:02"]


def test_events_of_the_next_source_do_not_replace_those_before(panel):
    panel.show_changes(started(event(1, end_s=63.0)))
    panel.table.source = "b.mp4"
    panel.show_changes(started(event(1, "rock")))
    assert [shown.label for shown in panel.events] == ["like", "rock"]


def test_events_of_a_source_that_comes_back_are_found_and_go_when_dropped(panel):
    panel.table.source = "a.mp4"
    panel.show_changes(EventChanges(0.0, (), (), (event(1, end_s=63.0), event(2, "palm", 123.0))))
    panel.table.source = "b.mp4"
    panel.show_changes(started(event(1, "rock")))
    panel.table.source = "a.mp4"
    assert [shown.number for shown in panel.table.events_of("a.mp4")] == [1, 2]
    panel.show_changes(EventChanges(0.0, (), (), (replace(event(2, "palm", 124.0), start_s=119.0),), dropped=(1, 7)))
    assert [row[:3] for row in rows(panel)] == [["rock", "1:00.2", "…"], ["palm", "1:59.0", "2:04.0"]]
    assert panel.count_label.text() == "2 events"


def test_events_of_a_clip_stand_as_it_shows_them(panel):
    panel.table.source = "a.mp4"
    for number in (1, 5, 3, 2, 4):
        panel.show_changes(started(event(number)))
    panel.show_changes(EventChanges(0.0, (), (), (event(3, end_s=190.0),)))
    assert [row[START] for row in rows(panel)] == ["5:01.2", "4:01.0", "3:00.7", "2:00.5", "1:00.2"]
    assert [row[END] for row in rows(panel)] == ["…", "…", "3:10.0", "…", "…"]
    panel.table.source = "b.mp4"
    panel.show_changes(started(event(1)))
    assert panel.table.source_at(0) == "b.mp4"


def test_the_oldest_go(panel, monkeypatch):
    monkeypatch.setattr(event_table, "MOST_EVENTS", 3)
    for number in range(1, 6):
        panel.show_changes(started(event(number)))
    panel.show_changes(EventChanges(0.0, (event(4, "rock"),), (), (event(1), event(5, "palm", 400.0))))
    assert [(shown.number, shown.label) for shown in panel.events] == [(3, "like"), (4, "rock"), (5, "palm")]
    assert panel.table.rowCount() == 3


def test_what_lasts_is_told_four_times_a_second(panel, monkeypatch):
    shown = []
    for now_s, score in ((0.0, 0.1), (0.2, 0.2), (0.3, 0.3), (0.4, 0.4)):
        monkeypatch.setattr(event_panel, "time", SimpleNamespace(monotonic=lambda now_s=now_s: now_s))
        lasting = replace(event(1), confidence=score)
        panel.show_changes(EventChanges(now_s, (lasting,), () if shown else (lasting,)))
        shown.append(rows(panel)[0][SURE])
    assert shown == ["10 %", "10 %", "30 %", "30 %"]


def test_clear(panel, monkeypatch):
    panel.show_changes(started(event(1), event(2)))
    for answer, left in ((QMessageBox.StandardButton.No, 2), (QMessageBox.StandardButton.Yes, 0)):
        monkeypatch.setattr(QMessageBox, "question", lambda *_, answer=answer, **__: answer)
        panel.clear_action.trigger()
        assert len(panel.events) == left
    assert panel.empty.isVisible()
    panel.show_changes(EventChanges(0.0, (event(2),), (), (event(1, end_s=70.0),)))
    assert len(panel.events) == 2, "what lasts comes back"


def test_the_tab_key_leaves_the_list(panel, qtbot):
    panel.show_changes(started(event(1), event(2)))
    panel.activateWindow()
    panel.view.setFocus()
    qtbot.waitUntil(panel.view.hasFocus)
    qtbot.keyClick(panel.view, Qt.Key.Key_Tab)
    assert not panel.view.hasFocus()


def test_copy(panel):
    told = []
    panel.told.connect(told.append)
    panel.show_changes(started(event(1), event(2, "rock"), event(3)))
    panel.copy_action.trigger()
    assert [row["gesture"] for row in clipboard()] == ["like", "rock", "like"]
    panel.view.selectRow(1)
    panel.copy_action.trigger()
    assert [row["gesture"] for row in clipboard()] == ["rock"]
    assert told == ["3 events copied", "1 event copied"]


def clipboard() -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(QGuiApplication.clipboard().text()), delimiter="\t"))


@pytest.mark.parametrize(
    ("entered", "kind", "written"),
    [
        ("", "", None),
        ("my events", "Table (*.csv)", "my events.csv"),
        ("my events", "JSON lines (*.jsonl)", "my events.jsonl"),
        ("x.jsonl", "Table (*.csv)", "x.jsonl"),
        ("x.CSV", "JSON lines (*.jsonl)", "x.CSV"),
        ("gestures 27.11.2026", "JSON lines (*.jsonl)", "gestures 27.11.2026.jsonl"),
        ("no folder/x.csv", "", None),
        ("n" * 300, "Table (*.csv)", None),
    ],
)
def test_export(panel, tmp_path: Path, monkeypatch, entered, kind, written):
    panel.show_changes(started(event(1), event(2, "rock")))
    warned, told = [], []
    panel.told.connect(told.append)
    monkeypatch.setattr(QMessageBox, "warning", lambda *args: warned.append(args[-1]))
    name = str(tmp_path / entered) if entered else ""
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_: (name, kind))
    panel.export_action.trigger()
    assert [path.name for path in tmp_path.iterdir()] == ([written] if written else [])
    assert bool(warned) is (bool(entered) and written is None)
    assert told == ([f"2 events exported to {written}"] if written else [])
    if written:
        assert "rock" in (tmp_path / written).read_text()


@pytest.mark.parametrize("replace_it", [True, False])
def test_a_name_that_gets_its_end_later_replaces_nothing_unasked(panel, tmp_path: Path, monkeypatch, replace_it):
    (tmp_path / "mine.csv").write_text("old")
    panel.show_changes(started(event(1)))
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_: (str(tmp_path / "mine"), "Table (*.csv)"))
    answer = QMessageBox.StandardButton.Yes if replace_it else QMessageBox.StandardButton.No
    monkeypatch.setattr(QMessageBox, "question", lambda *_, **__: answer)
    panel.export_action.trigger()
    assert ((tmp_path / "mine.csv").read_text() == "old") is not replace_it


def test_an_event_that_was_seen_live_leads_nowhere_and_tells_why(panel, qtbot):
    panel.table.source = "0"
    panel.show_changes(started(event(1, started_at=datetime(2026, 5, 4))))
    with qtbot.assertNotEmitted(panel.event_chosen), qtbot.waitSignal(panel.told) as told:
        panel.view.activated.emit(panel.table.index(0, 0))
    assert "seen live" in told.args[0]


def test_an_event_can_be_chosen(panel, qtbot):
    panel.table.source = "/x/a.mp4"
    panel.show_changes(started(event(1), event(2)))
    panel.table.source = "/x/b.mp4"
    panel.view.selectRow(0)
    for choose, begin_s in (
        (lambda: panel.view.activated.emit(panel.table.index(1, 0)), 60.25),
        (panel.go_action.trigger, 120.5),
    ):
        with qtbot.waitSignal(panel.event_chosen) as chosen:
            choose()
        assert chosen.args == ["/x/a.mp4", begin_s]
    assert {"Go to where it began", "Copy events", "Export events", "Clear events"} == {
        plain(action.text()) for action in panel.view.actions()
    }


def test_where_events_were_seen_is_told_once_there_is_more_than_one_place(panel):
    def shown() -> list[str]:
        return ["" if panel.view.isColumnHidden(SOURCE) else row[SOURCE] for row in rows(panel)]

    panel.table.source = "/x/a.mp4"
    panel.show_changes(started(event(1), event(2)))
    assert shown() == ["", ""] and panel.view.horizontalHeader().visualIndex(SOURCE) == 1
    panel.table.source = "/x/album"
    panel.show_changes(started(replace(event(1), source="album", picture="cat.jpg")))
    assert shown() == ["cat.jpg", "a.mp4", "a.mp4"]
    assert rows(panel)[0][START:HAND] == ["", ""], "a picture has no time"
    tips = [panel.table.index(row, 0).data(Qt.ItemDataRole.ToolTipRole) for row in range(2)]
    assert "in /x/album/cat.jpg," in tips[0] and "in /x/a.mp4," in tips[1]
    panel.show_changes(EventChanges(0.0, dropped=(1,)))
    assert shown() == ["", ""]


@pytest.mark.parametrize(
    ("sources", "name"),
    [
        (["/x/wave.mp4"], "wave-gestures.csv"),
        (["/x/album 27.11.2026"], "album 27.11.2026-gestures.csv"),
        (["/x/wave.mp4", "/y/wave.mp4"], "gestures.csv"),
        (["0"], "gestures.csv"),
    ],
)
def test_the_export_is_offered_under_the_name_of_the_file(panel, monkeypatch, sources, name):
    for source in sources:
        panel.table.source = source
        seen = event(1, started_at=datetime(2026, 5, 4) if source == "0" else None)
        panel.show_changes(started(replace(seen, picture="cat.jpg" if "album" in source else "")))
    offered = []
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *args: offered.append(Path(args[2]).name) or ("", ""))
    panel.export_action.trigger()
    assert offered == [name]


def pixels(shown: QIcon) -> QImage:
    return shown.pixmap(24).toImage()


def test_sounds_are_off_until_asked_for(panel, qtbot, monkeypatch):
    played = []
    monkeypatch.setattr(Chime, "play", lambda _self: played.append(1))
    panel.show_changes(started(event(1)))
    assert played == [] and pixels(panel.sounds_action.icon()) == pixels(icon("sound-off"))
    with qtbot.assertNotEmitted(panel.sounds_toggled):
        panel.set_sounds(True)
    panel.show_changes(started(event(2)))
    panel.show_changes(EventChanges(0.0, (event(2),)))
    assert played == [1] and pixels(panel.sounds_action.icon()) == pixels(icon("sound"))
    with qtbot.waitSignal(panel.sounds_toggled) as switched:
        panel.sounds_action.trigger()
    assert switched.args == [False]


def test_the_bell(qtbot):
    with wave.open(io.BytesIO(bell_wav())) as sound:
        assert sound.getnframes() / sound.getframerate() == pytest.approx(LENGTH_S, abs=1e-3)


def test_without_what_plays_sounds_the_system_signals(qapp, monkeypatch):
    beeps = []
    monkeypatch.setattr(chime.QApplication, "beep", lambda: beeps.append(1))
    monkeypatch.setitem(sys.modules, "PyQt6.QtMultimedia", None)
    bell = Chime()
    bell.play()
    bell.play()
    assert beeps == [1, 1]


def test_buttons_are_named(panel):
    names = {button.accessibleName() for button in panel.findChildren(QToolButton)}
    assert names == {"Sounds", "Copy events", "Export events", "Clear events"}
    assert panel.table.headerData(1, Qt.Orientation.Horizontal, Qt.ItemDataRole.ToolTipRole)


@pytest.mark.parametrize("width", [100, 200, 324, 900])
def test_names_of_gestures_are_readable_at_any_width(panel, qtbot, width):
    panel.show_changes(started(event(1)))
    panel.resize(width, 300)
    qtbot.waitUntil(lambda: panel.view.isVisible())
    widest = max(panel.view.fontMetrics().horizontalAdvance(gesture_name(label)) for label in HAGRID_LABELS)
    widths = [panel.view.columnWidth(column) for column in range(panel.table.columnCount())]
    assert widths[GESTURE] >= widest + panel.view.iconSize().width()
    assert not panel.view.wordWrap(), "the end of a file's name stays, whatever is in it"
    least_px = sum(px for column, px in panel.view.least_px.items() if column != SOURCE)
    assert sum(widths) == max(panel.view.viewport().width(), least_px)
    panel.resize(panel.sizeHint())
    qtbot.waitUntil(lambda: panel.view.horizontalScrollBar().maximum() == 0)
