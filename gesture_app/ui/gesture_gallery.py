"""All gestures side by side."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from PyQt6.QtCore import QSize, Qt
from PyQt6.QtGui import QResizeEvent
from PyQt6.QtWidgets import QDialog, QDialogButtonBox, QGridLayout, QLabel, QScrollArea, QVBoxLayout, QWidget

from gesture_app.errors import InputError
from gesture_app.ui.desktop import resize_to_fit
from gesture_app.ui.gesture_drawing import GestureDrawing
from gesture_app.vision.labels import BACKGROUND, HAGRID_GESTURES, NO_GESTURE
from gesture_app.vision.model_folders import weights_path
from gesture_app.vision.model_info import load_info

COLUMNS = (9, 6, 3, 2, 1)  # which leave no row half empty
SPACING_PX = 6


class GestureGallery(QScrollArea):
    """The drawings of gestures, usually HaGRID's 18, as large as there is room for."""

    def __init__(self, names: Sequence[str] = HAGRID_GESTURES, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.drawings = [GestureDrawing(name) for name in names]
        self._columns = 0
        self._grid = QGridLayout()
        self._grid.setSpacing(SPACING_PX)
        self._grid.setContentsMargins(0, 0, 0, 0)
        inside = QWidget()
        column = QVBoxLayout(inside)
        column.setContentsMargins(0, 0, 0, 0)
        column.addLayout(self._grid)
        column.addStretch(1)
        self.setWidget(inside)
        self.setWidgetResizable(True)
        self.setFrameShape(QScrollArea.Shape.NoFrame)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setAccessibleName(self.tr("The gestures"))
        self._arrange()

    def resizeEvent(self, event: QResizeEvent | None) -> None:
        """Use the room."""
        super().resizeEvent(event)
        self._arrange()

    def sizeHint(self) -> QSize:
        """Six columns and three or four rows."""
        tile = self.drawings[0].sizeHint()
        rows = 3 if len(self.drawings) <= len(HAGRID_GESTURES) else 4
        return QSize(6 * (tile.width() + SPACING_PX) + 20, rows * (tile.height() + SPACING_PX))

    def minimumSizeHint(self) -> QSize:
        """One drawing."""
        return self.drawings[0].sizeHint() + QSize(24, 0)

    def heightForWidth(self, width: int) -> int:
        """So high that nothing needs scrolling, if the drawings are as small as they get."""
        tile = self.drawings[0].sizeHint()
        return -(-len(self.drawings) // self._fitting(width)[0]) * (tile.height() + SPACING_PX)

    def _fitting(self, width: int) -> list[int]:
        """The numbers of columns for which there is room, the largest first."""
        tile_px = self.drawings[0].sizeHint().width() + SPACING_PX
        return [columns for columns in COLUMNS if columns * tile_px <= width] or [1]

    def _arrange(self) -> None:
        """Choose the number of columns that makes the tiles largest without scrolling, else most columns."""
        viewport = self.viewport()
        assert viewport is not None
        tile = self.drawings[0].sizeHint()
        text_px = tile.height() - tile.width()

        def side_px(columns: int) -> int:
            rows = -(-len(self.drawings) // columns)
            side = min(viewport.width() // columns, viewport.height() // rows - text_px) - SPACING_PX
            return max(tile.width(), side)

        columns = max(self._fitting(viewport.width()), key=lambda n: (side_px(n), n))
        side = min(side_px(columns), 2 * tile.width())
        for number, drawing in enumerate(self.drawings):
            drawing.setFixedSize(side, side + text_px)
            if columns != self._columns:
                self._grid.addWidget(drawing, number // columns, number % columns)
        self._columns = columns


class GesturesDialog(QDialog):
    """The gestures of a model, to look at beside the window.

    Args:
        weights: the folder of its networks; where it cannot be read, HaGRID's gestures are shown.
    """

    def __init__(self, weights: Path, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle(self.tr("The gestures"))
        text = self.tr("“Inverted” means that the camera sees the back of the hand.")
        note = QLabel(text)
        note.setWordWrap(True)
        buttons = QDialogButtonBox()
        buttons.addButton(self.tr("Close"), QDialogButtonBox.ButtonRole.RejectRole)
        buttons.rejected.connect(self.reject)
        column = QVBoxLayout(self)
        column.addWidget(GestureGallery(_gestures_of(weights)), 1)
        column.addWidget(note)
        column.addWidget(buttons)
        resize_to_fit(self, self.sizeHint().width(), self.sizeHint().height())  # by itself it takes two thirds


def _gestures_of(weights: Path) -> Sequence[str]:
    """The user's own first."""
    try:
        labels = load_info(weights_path(weights, "classifier")).labels
    except InputError:
        return HAGRID_GESTURES
    gestures = [label for label in labels if label not in (NO_GESTURE, BACKGROUND)]
    return sorted(gestures, key=HAGRID_GESTURES.__contains__) or HAGRID_GESTURES
