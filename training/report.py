"""One HTML page about a training: figures beside those of the model before, curves, confusion, examples."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from html import escape
from pathlib import Path

import cv2

from gesture_app.vision.atomic import write_file
from gesture_app.vision.hands import Image

STYLE = """
:root { color-scheme: light dark; }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 62rem; margin: 2rem auto; padding: 0 1rem; }
table { border-collapse: collapse; } th, td { padding: .25rem .8rem; text-align: right; }
th:first-child, td:first-child { text-align: left; } tr + tr { border-top: 1px solid #8884; }
img { max-width: 100%; background: white; border-radius: 6px; }
.examples { display: flex; flex-wrap: wrap; gap: .8rem; } figure { margin: 0; width: 7rem; }
figure img { width: 7rem; } figcaption { font-size: .8rem; } .wrong figcaption { color: #d55e00; font-weight: 600; }
code { overflow-wrap: anywhere; }
"""


@dataclass(frozen=True)
class Example:
    """A held-out picture of a hand and what the model says; image is HWC uint8 BGR."""

    image: Image
    truth: str
    named: str
    score: float


@dataclass(frozen=True)
class Comparison:
    """One figure of the new weights and of the model before; None where it cannot be told."""

    name: str
    new: float | None
    before: float | None


@dataclass(frozen=True)
class Report:
    """What is told.

    Attributes:
        title, verdict: a line each.
        comparisons: the figures.
        classes: per class the number of training and of held-out pictures, and the share of the latter that is named
            right.
        notes: what the reader ought to know, a sentence each.
        pictures: PNG files by their headings, in their order.
        examples: the wrong ones first.
        facts: further lines, name -> value.
    """

    title: str
    verdict: str
    comparisons: Sequence[Comparison]
    classes: Mapping[str, tuple[int, int, float | None]]
    notes: Sequence[str] = ()
    pictures: Mapping[str, bytes] = field(default_factory=dict)
    examples: Sequence[Example] = ()
    facts: Mapping[str, str] = field(default_factory=dict)


def inline(data: bytes, kind: str) -> str:
    """A picture file as an address that holds it, so that the page is one file and fetches nothing."""
    return f"data:image/{kind};base64,{base64.b64encode(data).decode()}"


def figure(example: Example) -> str:
    """An example as HTML."""
    jpeg = cv2.imencode(".jpg", example.image, [cv2.IMWRITE_JPEG_QUALITY, 88])[1].tobytes()
    right = example.named == example.truth
    said = escape(example.named) if right else f"{escape(example.named)}, but is {escape(example.truth)}"
    return (
        f'<figure class="{"right" if right else "wrong"}"><img alt="{escape(example.truth)}" '
        f'src="{inline(jpeg, "jpeg")}"><figcaption>{said} ({example.score:.0%})</figcaption></figure>'
    )


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table as HTML; the cells are texts."""
    top = "".join(f"<th>{escape(cell)}</th>" for cell in head)
    body = "".join("<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "</tr>" for row in rows)
    return f"<table><tr>{top}</tr>{body}</table>"


def page(report: Report) -> str:
    """The report as HTML."""

    def figure_text(value: float | None) -> str:
        return "–" if value is None else f"{value:.3f}"

    figures = [(c.name, figure_text(c.new), figure_text(c.before)) for c in report.comparisons]
    classes = [(n, str(train), str(held), figure_text(right)) for n, (train, held, right) in report.classes.items()]
    parts = [
        f"<h1>{escape(report.title)}</h1><p><strong>{escape(report.verdict)}</strong></p>",
        "<h2>Figures on the held-out pictures</h2>" + table(("", "new", "before"), figures),
        "".join(f"<p>{escape(note)}</p>" for note in report.notes),
        "<h2>Pictures</h2>" + table(("gesture", "trained on", "held out", "named right"), classes),
    ]
    parts += [
        f'<h2>{escape(n)}</h2><img alt="{escape(n)}" src="{inline(p, "png")}">' for n, p in report.pictures.items()
    ]
    if report.examples:
        parts.append('<h2>Held-out hands</h2><div class="examples">' + "".join(map(figure, report.examples)) + "</div>")
    if report.facts:
        facts = "".join(f"<p>{escape(n)}: <code>{escape(v)}</code></p>" for n, v in report.facts.items())
        parts.append("<h2>How it was made</h2>" + facts)
    head = f'<meta charset="utf-8"><title>{escape(report.title)}</title><style>{STYLE}</style>'
    return f'<!doctype html><html lang="en"><head>{head}</head><body>{"".join(parts)}</body></html>\n'


def write_report(path: Path, report: Report) -> None:
    """Write the page.

    Raises:
        EnvironmentFault: it cannot be written.
    """
    write_file(path, page(report).encode(errors="backslashreplace"), "the report")
