"""Figures as PNG: curves of a run, the search for a learning rate, a confusion matrix."""

from __future__ import annotations

import io
import warnings
from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

BLUE, ORANGE, GREY = "#0072b2", "#d55e00", "#666666"
"""Colours that colour-blind people can tell apart (Okabe and Ito)."""
RATES = ("macro_f1", "top1", "ap50", "map", "recall", "precision")
"""Figures between 0 and 1, drawn together."""


def to_png(figure: Figure) -> bytes:
    """The figure as a PNG file; without a window, and whatever back end is set elsewhere."""
    content = io.BytesIO()
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph .* missing")  # a name may have letters that the font lacks
        FigureCanvasAgg(figure).print_png(content)  # type: ignore[no-untyped-call]
    return content.getvalue()


def curves(rows: Sequence[Mapping[str, float]]) -> bytes:
    """Loss, measures on the validation split and learning rate over the epochs, side by side."""
    figure = Figure(figsize=(12, 3.6), layout="constrained")
    loss_axes, rate_axes, speed_axes = figure.subplots(1, 3)
    epochs = [row["epoch"] for row in rows]
    for axes, names, title in (
        (loss_axes, [n for n in rows[-1] if n == "loss" or n.endswith("_loss")] if rows else [], "training loss"),
        (rate_axes, [n for n in RATES if rows and n in rows[-1]], "validation"),
        (speed_axes, ["learning_rate"] if rows else [], "learning rate"),
    ):
        for name in names:
            axes.plot(epochs, [row.get(name, np.nan) for row in rows], marker=".", label=name.replace("_", " "))
        axes.set_title(title)
        axes.set_xlabel("epoch")
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        axes.grid(alpha=0.3)
        if len(names) > 1:
            axes.legend()
    return to_png(figure)


def learning_rate_search(rates: Sequence[float], losses: Sequence[float], suggested: float) -> bytes:
    """The smoothed loss over the learning rate, the suggestion marked."""
    figure = Figure(figsize=(7, 4), layout="constrained")
    axes = figure.subplots()
    axes.semilogx(rates, losses, color=BLUE)
    axes.axvline(suggested, color=ORANGE, linestyle="--", label=f"suggested: {suggested:.1e}")
    axes.set_xlabel("learning rate")
    axes.set_ylabel("loss (smoothed)")
    axes.grid(alpha=0.3)
    axes.legend()
    return to_png(figure)


def confusion_matrix(confusion: Sequence[Sequence[int]], labels: Sequence[str]) -> bytes:
    """Rows true, columns predicted; the shade is the share of the row, the number the count."""
    counts = np.asarray(confusion, float).reshape(len(labels), len(labels))
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    side = 1.8 + 0.42 * len(labels)
    figure = Figure(figsize=(side + 0.6, side), layout="constrained")
    axes = figure.subplots()
    axes.matshow(shares, cmap="Blues", vmin=0, vmax=1)
    axes.xaxis.set_ticks_position("bottom")
    # Names are no formulas, whatever `$` they have.
    axes.set_xticks(range(len(labels)), labels, rotation=60, ha="right", parse_math=False)
    axes.set_yticks(range(len(labels)), labels, parse_math=False)
    axes.set_xlabel("named")
    axes.set_ylabel("true")
    for row, column in zip(*np.nonzero(counts), strict=True):
        colour = "white" if shares[row, column] > 0.5 else "black"
        axes.text(column, row, f"{counts[row, column]:.0f}", ha="center", va="center", color=colour, fontsize=8)
    return to_png(figure)
