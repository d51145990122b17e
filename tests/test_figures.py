from __future__ import annotations

import pytest
from PyQt6.QtWidgets import QLabel, QMainWindow

from gesture_app.ui.figures import Figures


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


def test_figures_of_nothing(window):
    figures = window.statusBar()
    figures.begin()
    assert figures.rate_label.text() == "– FPS" and figures.latency_label.text() == "latency – ms"
    figures.add_painted(0.0)
    figures.refresh()
    assert figures.latency_label.text().count("/") == 1
