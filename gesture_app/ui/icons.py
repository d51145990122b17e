"""Line icons in the colour of the text beside them, drawn when they are painted, so that they follow the theme."""

from __future__ import annotations

from PyQt6.QtCore import QByteArray, QPoint, QRect, QRectF, QSize, Qt
from PyQt6.QtGui import QColor, QGuiApplication, QIcon, QIconEngine, QPainter, QPalette, QPixmap
from PyQt6.QtSvg import QSvgRenderer

# On 24 by 24, with lines 2 wide and round ends; {0} is the colour.
SHAPES = {
    "play": '<path fill="{0}" d="M7 4.5v15l12.5-7.5z"/>',
    "stop": '<rect fill="{0}" x="6" y="6" width="12" height="12" rx="1"/>',
    "pause": '<path d="M8.5 5v14M15.5 5v14" stroke-width="3.4"/>',
    "step-back": '<path fill="{0}" d="M17 5.5v13L8 12z"/><path d="M6 5.5v13"/>',
    "step-forward": '<path fill="{0}" d="M7 5.5v13l9-6.5z"/><path d="M18 5.5v13"/>',
    "repeat": '<path d="M4 11V9.5a3 3 0 0 1 3-3h11.5M15 3l3.7 3.5L15 10"/>'
    '<path d="M20 13v1.5a3 3 0 0 1-3 3H5.5M9 14l-3.7 3.5L9 21"/>',
    "open": '<path d="M3 18.5v-13h6l2 2.5h9v3M3 18.5l3.2-7.5H22l-3.2 7.5z"/>',
    "camera": '<rect x="2.5" y="6.5" width="13" height="11" rx="2"/><path d="M15.5 11l6-3.5v9l-6-3.5"/>',
    "stream": '<circle cx="12" cy="12" r="1.6" fill="{0}"/>'
    '<path d="M8.3 15.7a5.2 5.2 0 0 1 0-7.4M15.7 8.3a5.2 5.2 0 0 1 0 7.4"/>'
    '<path d="M5.3 18.7a9.5 9.5 0 0 1 0-13.4M18.7 5.3a9.5 9.5 0 0 1 0 13.4"/>',
    "screen": '<rect x="3" y="4.5" width="18" height="12" rx="1.5"/><path d="M9 20h6M12 16.5V20"/>',
    "snapshot": '<path d="M3 8.5h4l1.8-3h6.4l1.8 3h4v11H3z"/><circle cx="12" cy="13.7" r="3.4"/>',
    "record": '<circle cx="12" cy="12" r="8.5"/><circle cx="12" cy="12" r="4.2" fill="{0}"/>',
    "mirror": '<path d="M12 3v18" stroke-dasharray="2.4 3"/><path d="M8.5 7v10H3zM15.5 7v10H21z"/>',
    "full-screen": '<path d="M4 9V4h5M15 4h5v5M20 15v5h-5M9 20H4v-5"/>',
    "fit": '<rect x="3" y="5" width="18" height="14" rx="1.5"/>'
    '<path d="M7 12h10M9.3 9.5L7 12l2.3 2.5M14.7 9.5L17 12l-2.3 2.5"/>',
    "settings": '<path d="M4 7h9M17 7h3M4 17h3M11 17h9"/><circle cx="15" cy="7" r="2"/><circle cx="9" cy="17" r="2"/>',
    "export": '<path d="M12 15V3.5M7.8 7.5L12 3.5l4.2 4M4 14v6h16v-6"/>',
    "copy": '<rect x="8.5" y="8.5" width="11.5" height="11.5" rx="1.5"/><path d="M5.5 15.5H4V4h11.5v1.5"/>',
    "clear": '<path d="M4 6.5h16M9.5 6.5V4h5v2.5M6 6.5l1 13.5h10l1-13.5M10.2 10.5v5.5M13.8 10.5v5.5"/>',
    "sound": '<path fill="{0}" d="M4 9.5v5h3.5l4.5 4v-13l-4.5 4z"/>'
    '<path d="M15.5 9a4.2 4.2 0 0 1 0 6M18 6.5a7.8 7.8 0 0 1 0 11"/>',
    "sound-off": '<path fill="{0}" d="M4 9.5v5h3.5l4.5 4v-13l-4.5 4z"/><path d="M16 9.5l5 5M21 9.5l-5 5"/>',
    "folder": '<path d="M3 19V5h6.5l2 2.5H21V19z"/>',
    "info": '<circle cx="12" cy="12" r="9"/><path d="M12 11v6M12 7.3v.1"/>',
    "keyboard": '<rect x="2.5" y="6" width="19" height="12" rx="2"/>'
    '<path d="M6.5 10v.1M10.2 10v.1M13.9 10v.1M17.5 10v.1M8 14.2h8"/>',
    "annotate": '<path d="M4 4h10M4 4v16h16V10"/><path d="M10.5 13.7L20 4.2l-2-1.7-9 9-.7 3z" stroke-width="1.8"/>',
    "train": '<path d="M3.5 4v16h17"/><path d="M7 15.5l4-5 3.5 2.5L20 6"/>',
    "doctor": '<path d="M3 12.5h4.5l2.5-7 4 13 2.5-6H21"/>',
    "theme": '<circle cx="12" cy="12" r="8.5"/><path fill="{0}" stroke="none" d="M12 3.5a8.5 8.5 0 0 1 0 17z"/>',
}
RECORDING = QColor(226, 55, 68)
LIT = {"record": RECORDING}  # while what they stand for is going on
APP_SHAPE = (
    '<rect x="1" y="1" width="62" height="62" rx="14" fill="#1f6feb"/>'
    '<g fill="none" stroke="#fff" stroke-width="5.4" stroke-linecap="round" stroke-linejoin="round">'
    '<path d="M24 31V14M33 30V11M42 32V16M50 38V23"/>'
    '<path d="M24 38V30l-6.5 6.5c-3 3-1.5 5.5 1 8.5l6 6.5c2 2 4 2.5 7 2.5h7c7 0 11.5-5 11.5-12v-4"/></g>'
)


def icon(name: str) -> QIcon:
    """The icon of this name in `SHAPES`."""
    return QIcon(_LineEngine(SHAPES[name], LIT.get(name)))


def app_icon() -> QIcon:
    """The icon of the program: an open hand."""
    svg = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 64 64">{APP_SHAPE}</svg>'
    found = QIcon()
    for side_px in (16, 24, 32, 48, 64, 128, 256):
        pixmap = QPixmap(side_px, side_px)
        pixmap.fill(Qt.GlobalColor.transparent)
        painter = QPainter(pixmap)
        _renderer(svg).render(painter)
        painter.end()
        found.addPixmap(pixmap)
    return found


class _LineEngine(QIconEngine):
    """Paints a shape in the application's present text colour, or while it is switched on in a colour of its own."""

    def __init__(self, shape: str, lit: QColor | None) -> None:
        super().__init__()
        self._shape = shape
        self._lit = lit

    def paint(self, painter: QPainter | None, rect: QRect, mode: QIcon.Mode, state: QIcon.State) -> None:
        if painter is not None:
            lit = self._lit if state == QIcon.State.On and mode != QIcon.Mode.Disabled else None
            _renderer(_svg(self._shape, lit or _colour(mode))).render(painter, QRectF(rect))

    def pixmap(self, size: QSize, mode: QIcon.Mode, state: QIcon.State) -> QPixmap:
        pixmap = QPixmap(size)
        pixmap.fill(Qt.GlobalColor.transparent)
        painter = QPainter(pixmap)
        self.paint(painter, QRect(QPoint(0, 0), size), mode, state)
        painter.end()
        return pixmap

    def clone(self) -> QIconEngine:
        return _LineEngine(self._shape, self._lit)


def _colour(mode: QIcon.Mode) -> QColor:
    palette, role = QGuiApplication.palette(), QPalette.ColorRole.ButtonText
    if mode == QIcon.Mode.Disabled:
        return palette.color(QPalette.ColorGroup.Disabled, role)
    return palette.color(QPalette.ColorRole.HighlightedText if mode == QIcon.Mode.Selected else role)


def _svg(shape: str, colour: QColor) -> str:
    return (
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 24 24">'
        f'<g fill="none" stroke="{colour.name()}" stroke-width="2" stroke-linecap="round" stroke-linejoin="round">'
        f"{shape.format(colour.name())}</g></svg>"
    )


def _renderer(svg: str) -> QSvgRenderer:
    return QSvgRenderer(QByteArray(svg.encode()))
