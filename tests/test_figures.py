from __future__ import annotations

import time
from dataclasses import replace

import pytest
from PyQt6.QtGui import QImage
from PyQt6.QtWidgets import QLabel, QMainWindow

from gesture_app.ui.figures import Figures
from gesture_app.ui.live import Result


@pytest.fixture
def window(qtbot) -> QMainWindow:
    window = QMainWindow()
    qtbot.addWidget(window)
    window.setStatusBar(Figures(window))
    window.show()
    return window


@pytest.mark.parametrize(("width", "shown"), [(200, 0), (330, 1), (2000, 4)])
def test_less_important_figures_make_room(window, width, shown):
    figures = window.statusBar()
    figures.set_device("CPU")
    window.resize(width, 200)
    assert window.width() == width
    optional = [figures.latency_label, figures.dropped_label, figures.inference_label, figures.size_label]
    assert [label.isVisible() for label in optional] == [True] * shown + [False] * (4 - shown)
    assert figures.rate_label.isVisible() and figures.device_label.isVisible()


def test_what_others_put_there_counts(window):
    window.resize(760, 200)
    figures = window.statusBar()
    figures.set_device("CPU")
    assert figures.size_label.isVisible()
    figures.addPermanentWidget(QLabel("recording for a very long time " * 3))
    figures.set_device("CPU")
    assert not figures.size_label.isVisible()


def test_a_dark_picture_is_told(window):
    window.resize(1200, 200)
    figures = window.statusBar()
    result = Result(1, QImage(64, 48, QImage.Format.Format_BGR888), (), 0.0, 0.0, 0.01, 0)
    figures.begin()
    assert not figures.dark_label.isVisible()
    figures.add_result(replace(result, dark=True))
    assert figures.dark_label.isVisible() and "light" in figures.dark_label.toolTip()
    figures.add_result(result)
    assert not figures.dark_label.isVisible()


def test_figures_of_nothing(window):
    figures = window.statusBar()
    figures.begin()
    assert figures.rate_label.text() == "– FPS" and figures.latency_label.text() == "latency – ms"


def test_a_picture_that_waited_for_the_networks_does_not_count(window):
    figures = window.statusBar()
    captured_s = time.monotonic()
    figures.begin()
    figures.add_painted(captured_s)
    figures.refresh()
    assert figures.latency_label.text() == "latency – ms"
    figures.add_painted(time.monotonic())
    figures.refresh()
    assert figures.latency_label.text().count("/") == 1


def test_figures_do_not_move_each_other(window):
    window.resize(1200, 200)
    figures = window.statusBar()
    labels = [figures.rate_label, figures.inference_label, figures.latency_label, figures.dropped_label]
    places = [label.x() for label in labels]
    for label, text in zip(
        labels, ("999.9 FPS", "inference 9999 ms", "latency 9999 / 9999 ms", "dropped 99999"), strict=True
    ):
        label.setText(text)
        figures.layout().activate()
    assert [label.x() for label in labels] == places
