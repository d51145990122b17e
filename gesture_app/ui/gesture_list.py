"""Which gestures are shown: a list of drawings and names."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from PyQt6.QtCore import QSignalBlocker, QSize, Qt, QTimer, pyqtSignal
from PyQt6.QtWidgets import QHBoxLayout, QListWidget, QListWidgetItem, QPushButton, QVBoxLayout, QWidget

from gesture_app.ui.gesture_drawing import gesture_icon
from gesture_app.vision.style import gesture_name

LABEL = Qt.ItemDataRole.UserRole
DRAW_EVERY_MS = 15


class GestureList(QWidget):
    """Every gesture with a check box.

    Signals:
        changed: another gesture is hidden or shown.
    """

    changed = pyqtSignal()

    def __init__(self, labels: Sequence[str], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._list = QListWidget()
        self._list.setAccessibleName(self.tr("Gestures shown"))
        self._list.setUniformItemSizes(True)
        self._row_px = 2 * self.fontMetrics().height()
        self._list.setIconSize(QSize(self._row_px - 4, self._row_px - 4))
        self._drawing = QTimer(self)  # one by one, once the window is there: all at once take a tenth of a second
        self._drawing.setInterval(DRAW_EVERY_MS)
        self._drawing.timeout.connect(self._draw_next)
        self._list.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self._list.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self._unlisted: set[str] = set()
        self.all_button = QPushButton(self.tr("&All"))
        self.none_button = QPushButton(self.tr("None"))
        buttons = QHBoxLayout()
        buttons.addWidget(self.all_button)
        buttons.addWidget(self.none_button)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(self._list)
        column.addLayout(buttons)
        self.set_labels(labels)
        self._list.itemChanged.connect(lambda _item: self.changed.emit())
        self.all_button.clicked.connect(lambda: self._check_all(True))
        self.none_button.clicked.connect(lambda: self._check_all(False))

    def set_labels(self, labels: Sequence[str]) -> None:
        """List these gestures; what was hidden stays hidden. No signal."""
        hidden = self.hidden()
        with QSignalBlocker(self._list):
            self._list.clear()
            for label in labels:
                item = QListWidgetItem(gesture_name(label))
                item.setData(LABEL, label)
                item.setSizeHint(QSize(0, self._row_px))
                item.setFlags(item.flags() | Qt.ItemFlag.ItemIsUserCheckable)
                self._list.addItem(item)
        self.set_hidden(hidden)
        rows_px = max(1, len(labels)) * self._row_px  # the panel around it scrolls
        self._list.setFixedHeight(rows_px + 2 * self._list.frameWidth() + 2)
        self._drawing.start()

    def hidden(self) -> tuple[str, ...]:
        """The gestures that are not checked, and hidden ones that this model does not know."""
        unchecked = {item.data(LABEL) for item in self._items() if item.checkState() != Qt.CheckState.Checked}
        return tuple(sorted(unchecked | self._unlisted))

    def set_hidden(self, labels: Iterable[str]) -> None:
        """Check all but these, without a signal."""
        hidden = set(labels)
        with QSignalBlocker(self._list):
            for item in self._items():
                self._check(item, item.data(LABEL) not in hidden)
        self._unlisted = hidden - {item.data(LABEL) for item in self._items()}

    def _draw_next(self) -> None:
        bare = next((item for item in self._items() if item.icon().isNull()), None)
        if bare is None:
            self._drawing.stop()
            return
        with QSignalBlocker(self._list):
            bare.setIcon(gesture_icon(bare.data(LABEL)))

    def _items(self) -> list[QListWidgetItem]:
        found = (self._list.item(row) for row in range(self._list.count()))
        return [item for item in found if item is not None]

    def _check_all(self, shown: bool) -> None:
        with QSignalBlocker(self._list):
            for item in self._items():
                self._check(item, shown)
        self.changed.emit()

    @staticmethod
    def _check(item: QListWidgetItem, shown: bool) -> None:
        item.setCheckState(Qt.CheckState.Checked if shown else Qt.CheckState.Unchecked)
