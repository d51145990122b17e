from __future__ import annotations

import html.parser
import os
from pathlib import Path

import cv2
import numpy as np
import pytest

from gesture_app.errors import EnvironmentFault
from training import plots
from training.journal import write_journal
from training.report import Comparison, Example, Report, page, write_report

ROWS = [
    {"epoch": 1.0, "loss": 2.0, "iou_loss": 1.0, "macro_f1": 0.4, "learning_rate": 1e-3},
    {"epoch": 2.0, "loss": 1.0, "iou_loss": 0.5, "macro_f1": 0.6, "learning_rate": 1e-4, "top1": 0.7},
]


def size_of(png: bytes) -> tuple[int, int]:
    image = cv2.imdecode(np.frombuffer(png, np.uint8), cv2.IMREAD_COLOR)
    assert image is not None and image.std() > 3
    return image.shape[:2]


@pytest.mark.parametrize("rows", [[], ROWS[:1], ROWS])
def test_curves(rows) -> None:
    height, width = size_of(plots.curves(rows))
    assert width > 2 * height > 400


def test_other_figures() -> None:
    size_of(plots.learning_rate_search([1e-4, 1e-3, 1e-2], [2, 1, 3], 1e-3))
    small = size_of(plots.confusion_matrix([[3, 1], [0, 0]], ("like", "fist")))
    large = size_of(plots.confusion_matrix(np.eye(19, dtype=int).tolist(), [f"gesture {i}" for i in range(19)]))
    assert large[0] > 2 * small[0]


@pytest.mark.parametrize("name", ["$_$", "5$ or $6", "a_{b}^c\\", "日本 🖐", ""])
def test_any_name_of_a_gesture_can_be_drawn(name: str) -> None:
    size_of(plots.confusion_matrix([[3, 1], [0, 0]], ("like", name)))


def test_journal(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr("training.journal.curves", lambda rows: b"picture")
    write_journal(tmp_path / "run", ROWS)
    assert (tmp_path / "run" / "metrics.csv").read_text().splitlines() == [
        "epoch,loss,iou_loss,macro_f1,learning_rate,top1",
        "1,2,1,0.4,0.001,",
        "2,1,0.5,0.6,0.0001,0.7",
    ]
    (tmp_path / "file").write_text("")
    with pytest.raises(EnvironmentFault, match="cannot write figures"):
        write_journal(tmp_path / "file", ROWS)


class Tags(html.parser.HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.images: list[str] = []
        self.addresses: list[str] = []

    def handle_starttag(self, tag, attributes) -> None:
        found = dict(attributes)
        if tag == "img":
            self.images.append(found["alt"])
        self.addresses += [found[name] for name in ("src", "href") if name in found]


def a_report() -> Report:
    image = np.full((32, 32, 3), 90, np.uint8)
    return Report(
        "Trained on <mine>",
        "Better.",
        [Comparison("macro-F1", 0.91234, 0.5), Comparison("top-1", None, None)],
        {"like & love": (16, 4, 0.75), "fist": (3, 0, None)},
        ["A note.", os.fsdecode(b"Of \xff.")],  # names of files may be any bytes
        {"Curves": cv2.imencode(".png", image)[1].tobytes()},
        [Example(image, "like", "fist", 0.6), Example(image, "like", "like", 0.9)],
        {"torch": "2.4"},
    )


def test_the_page_is_one_file_that_fetches_nothing_and_shows_names_as_they_are(tmp_path: Path) -> None:
    path = tmp_path / "sub" / "report.html"
    write_report(path, a_report())
    text = path.read_text(encoding="utf-8")
    tags = Tags()
    tags.feed(text)
    assert tags.images == ["Curves", "like", "like"]
    assert all(address.startswith("data:image/") for address in tags.addresses)
    for part in (
        "Trained on &lt;mine&gt;",
        "0.912",
        "0.500",
        "–",
        "like &amp; love",
        "<td>16</td><td>4</td><td>0.750</td>",
        "<td>3</td><td>0</td><td>–</td>",
        "fist, but is like",
        "A note.",
        "Of \\udcff.",
        "2.4",
    ):
        assert part in text
    assert "<mine>" not in text


def test_an_empty_report_and_a_place_that_cannot_be_written(tmp_path: Path) -> None:
    assert "<h1>Nothing</h1>" in page(Report("Nothing", "", [], {}))
    (tmp_path / "file").write_text("")
    with pytest.raises(EnvironmentFault, match="cannot write the report"):
        write_report(tmp_path / "file" / "report.html", a_report())
