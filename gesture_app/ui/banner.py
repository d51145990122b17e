"""The message inside the picture: what is going on when no live picture is."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum

from PyQt6.QtCore import QCoreApplication, QPointF, QRectF, Qt
from PyQt6.QtGui import QColor, QFont, QPainter, QPen, QTextOption

from gesture_app.ui.live import Phase, Status

CARD = QColor(24, 27, 32, 235)
CARD_EDGE = QColor(255, 255, 255, 36)
TITLE = QColor(242, 244, 247)
TEXT = QColor(178, 185, 196)
ACCENT = QColor(72, 156, 255)
ALARM = QColor(255, 107, 94)
PADDING_PX = 22.0
GAP_PX = 8.0
MARK_PX = 26.0
WIDEST_PX = 520.0
LONGEST_NAME = 90  # what was pasted by mistake would leave no room for the reason


class Look(Enum):
    """How a banner looks, by what it means: nothing special, waiting, trouble, or that the picture stays in sight."""

    PLAIN = "plain"
    BUSY = "busy"
    ALARM = "alarm"
    ASIDE = "aside"


@dataclass(frozen=True)
class Banner:
    """A title, and a text that may be empty."""

    title: str
    text: str = ""
    look: Look = Look.PLAIN


def banner_for(status: Status, source: str, shown: str) -> Banner | None:
    """The banner of a status of this source, which the user knows as `shown`. None while there is a picture to see."""
    if status.phase is Phase.ENDED and status.clip is not None and status.clip.pictures is not None:
        return None
    translate = QCoreApplication.translate
    message = status.message
    if len(shown) > LONGEST_NAME:
        shown = f"{shown[: LONGEST_NAME // 2]}…{shown[-LONGEST_NAME // 2 :]}"
    reason = _reason(message, source)
    ready = translate("Banner", "Choose a camera, a file or a stream and press Start.")
    seconds = translate("Banner", "This takes a few seconds, once.")
    no_picture = translate("Banner", "No picture from {source}").format(source=shown)
    again = f"{reason}\n{translate('Banner', 'Trying again…')}"
    other = translate("Banner", "Another model, device or runtime can be chosen in the settings.")
    play_again = translate("Banner", "Press Space to play it again.")
    banners = {
        Phase.IDLE: Banner(translate("Banner", "Ready"), message or ready),
        Phase.LOADING: Banner(translate("Banner", "Loading models…"), seconds, Look.BUSY),
        Phase.OPENING: Banner(translate("Banner", "Opening {source}…").format(source=shown), message, Look.BUSY),
        Phase.UNAVAILABLE: Banner(no_picture, again, Look.BUSY),
        Phase.RECONNECTING: Banner(
            translate("Banner", "Reconnecting to {source}…").format(source=shown), reason, Look.BUSY
        ),
        Phase.FRAME_FAULT: Banner(translate("Banner", "The hands could not be recognized"), message, Look.ALARM),
        Phase.ENDED: Banner(translate("Banner", "The video has ended"), play_again, Look.ASIDE),
        Phase.NO_SOURCE: Banner(no_picture, reason, Look.ALARM),
        Phase.FAILED: Banner(translate("Banner", "Cannot start"), f"{_sentence(message)}\n{other}", Look.ALARM),
    }
    return banners.get(status.phase)


def _reason(message: str, source: str) -> str:
    """Why there is no picture, without the name of the source, which the title tells: `camera: 0: is busy`.

    A file is told as it is, whatever its name; addresses are masked, but hold no white space.
    """
    return _sentence(re.sub(rf"^[a-z]+: (?:{re.escape(source)}|\S+): ", "", message))


def _sentence(text: str) -> str:
    return f"{text[:1].upper()}{text[1:]}." if text else ""


def paint_banner(painter: QPainter, area: QRectF, banner: Banner, turn: float = 0.0) -> None:
    """Paint the banner as a card in the middle of the area, or small at its top.

    Args:
        turn: where its busy mark stands, 0..1.
    """
    title_font, text_font = _fonts(painter.font())
    wrap = QTextOption(Qt.AlignmentFlag.AlignHCenter)
    wrap.setWrapMode(QTextOption.WrapMode.WrapAtWordBoundaryOrAnywhere)
    width = min(WIDEST_PX, area.width() - 2 * GAP_PX)
    aside = banner.look is Look.ASIDE
    padding = PADDING_PX / 2 if aside else PADDING_PX
    room = QRectF(0, 0, width - 2 * padding, area.height())

    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setFont(title_font)
    title = painter.boundingRect(room, banner.title, wrap)
    painter.setFont(text_font)
    text = painter.boundingRect(room, banner.text, wrap) if banner.text else QRectF()

    mark = MARK_PX + GAP_PX if banner.look in (Look.BUSY, Look.ALARM) else 0.0
    gap = GAP_PX * padding / PADDING_PX if banner.text else 0.0
    height = mark + title.height() + gap + text.height() + 2 * padding
    if aside:
        room.setWidth(max(title.width(), text.width()) + 1)  # rounded, it might wrap
    card = QRectF(0, 0, room.width() + 2 * padding, height)
    card.moveCenter(area.center())
    if aside:
        card.moveTop(area.top() + GAP_PX)
    painter.setPen(QPen(CARD_EDGE, 1))
    painter.setBrush(CARD)
    painter.drawRoundedRect(card, 12, 12)

    if mark:
        spot = QRectF(card.center().x() - MARK_PX / 2, card.top() + padding, MARK_PX, MARK_PX)
        _paint_mark(painter, spot, banner.look, turn)
    line = QRectF(card.left() + padding, card.top() + padding + mark, room.width(), title.height())
    painter.setFont(title_font)
    painter.setPen(TITLE)
    painter.drawText(line, banner.title, wrap)
    if banner.text:
        line = QRectF(line.left(), line.bottom() + gap, room.width(), text.height())
        painter.setFont(text_font)
        painter.setPen(TEXT)
        painter.drawText(line, banner.text, wrap)


def _fonts(font: QFont) -> tuple[QFont, QFont]:
    title = QFont(font)
    title.setPointSizeF(font.pointSizeF() * 1.35)
    title.setWeight(QFont.Weight.DemiBold)
    return title, QFont(font)


def _paint_mark(painter: QPainter, spot: QRectF, look: Look, turn: float) -> None:
    """A turning arc while waiting, an exclamation mark in trouble."""
    inner = spot.adjusted(2, 2, -2, -2)
    painter.setBrush(Qt.BrushStyle.NoBrush)
    if look is Look.BUSY:
        painter.setPen(QPen(CARD_EDGE, 3))
        painter.drawEllipse(inner)
        painter.setPen(QPen(ACCENT, 3, cap=Qt.PenCapStyle.RoundCap))
        painter.drawArc(inner, round(-turn * 360 * 16), 100 * 16)  # Qt counts sixteenths of a degree
        return
    painter.setPen(QPen(ALARM, 2.4, cap=Qt.PenCapStyle.RoundCap))
    painter.drawEllipse(inner)
    middle = spot.center().x()
    painter.drawLine(QPointF(middle, spot.top() + 8), QPointF(middle, spot.top() + 14))
    painter.drawPoint(QPointF(middle, spot.bottom() - 7.5))
