"""What this program is: version, model card, licences."""

from __future__ import annotations

import platform
from dataclasses import dataclass
from importlib import metadata

from PyQt6.QtCore import PYQT_VERSION_STR, Qt, qVersion
from PyQt6.QtGui import QPalette, QTextCursor, QTextDocument, QTextFrameFormat, QTextTable
from PyQt6.QtWidgets import QDialog, QDialogButtonBox, QLabel, QTabWidget, QTextBrowser, QVBoxLayout, QWidget

from gesture_app import __version__
from gesture_app.ui.desktop import resize_to_fit
from gesture_app.ui.menu_texts import plain
from gesture_app.vision.assets import assets_folder


@dataclass(frozen=True)
class Part:
    """A library or a set of pictures that this program stands on; `package` is its name in Python's index."""

    name: str
    package: str
    licence: str


PARTS = (
    Part("PyQt6 (Riverbank Computing)", "PyQt6", "GPL-3.0"),
    Part("Qt (The Qt Company)", "PyQt6-Qt6", "LGPL-3.0"),
    Part("PyTorch", "torch", "BSD-3-Clause"),
    Part("torchvision", "torchvision", "BSD-3-Clause"),
    Part("timm (Ross Wightman)", "timm", "Apache-2.0"),
    Part("OpenVINO (Intel)", "openvino", "Apache-2.0"),
    Part("OpenCV", "opencv-python", "Apache-2.0"),
    Part("PyAV; FFmpeg with x264 inside", "av", "BSD-3-Clause; GPL-2.0-or-later"),
    Part("NumPy", "numpy", "BSD-3-Clause"),
    Part("SciPy", "scipy", "BSD-3-Clause"),
    Part("Pillow", "pillow", "MIT-CMU"),
    Part("safetensors", "safetensors", "Apache-2.0"),
)


class AboutDialog(QDialog):
    """Three pages: about, the model card, licences.

    Args:
        device: what computes, as the window shows it; empty if nothing does yet.
    """

    def __init__(self, device: str = "", parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle(self.tr("About Gesture App"))
        title = QLabel(self.tr("Gesture App {version}").format(version=__version__))
        font = title.font()
        font.setPointSizeF(font.pointSizeF() * 1.5)
        font.setBold(True)
        title.setFont(font)
        self.tabs = QTabWidget()
        self.tabs.setAccessibleName(self.tr("Pages"))
        for name, text in (
            (self.tr("&About"), self._about(device)),
            (self.tr("&Model card"), self._model_card()),
            (self.tr("&Licences"), self._licences()),
        ):
            page = self._page(text)
            page.setAccessibleName(plain(name))
            self.tabs.addTab(page, name)
        buttons = QDialogButtonBox()
        buttons.addButton(self.tr("Close"), QDialogButtonBox.ButtonRole.RejectRole)
        buttons.rejected.connect(self.reject)
        column = QVBoxLayout(self)
        column.setSpacing(12)
        column.addWidget(title)
        column.addWidget(self.tabs, 1)
        column.addWidget(buttons)
        resize_to_fit(self, 720, 560)

    def _page(self, text: str) -> QTextBrowser:
        browser = QTextBrowser()
        browser.setOpenExternalLinks(True)
        browser.setMarkdown(text)
        document = browser.document()
        assert document is not None
        document.setDocumentMargin(14)
        self._tidy(document)
        browser.setTextInteractionFlags(Qt.TextInteractionFlag.TextBrowserInteraction)
        return browser

    def _tidy(self, document: QTextDocument) -> None:
        """Give tables air and quiet lines, and let lines of code wrap."""
        root = document.rootFrame()
        assert root is not None
        for table in root.childFrames():
            if isinstance(table, QTextTable):
                format = table.format()
                format.setCellPadding(4)
                format.setTopMargin(10)
                format.setBottomMargin(10)
                format.setBorderCollapse(True)
                format.setBorderStyle(QTextFrameFormat.BorderStyle.BorderStyle_Solid)
                format.setBorderBrush(self.palette().brush(QPalette.ColorRole.Mid))
                table.setFormat(format)
        block = document.begin()
        while block.isValid():
            if block.blockFormat().nonBreakableLines():
                wrapped = block.blockFormat()
                wrapped.setNonBreakableLines(False)
                QTextCursor(block).setBlockFormat(wrapped)
            block = block.next()

    def _about(self, device: str) -> str:
        versions = [
            (self.tr("Python"), platform.python_version()),
            (self.tr("System"), platform.platform()),
            (self.tr("Qt, PyQt"), f"{qVersion()}, {PYQT_VERSION_STR}"),
            *[(part.name, installed_version(part.package)) for part in PARTS[2:8]],
        ]
        if device:
            versions.insert(0, (self.tr("Computes on"), device))
        rows = "\n".join(f"| {name} | {value} |" for name, value in versions)
        text = self.tr(
            "Finds hands in a live picture, in videos and in photographs, and names the 18 gestures of HaGRID. "
            "Everything is computed on this computer; no picture leaves it."
        )
        return f"{text}\n\n| {self.tr('Part')} | {self.tr('Version')} |\n|---|---|\n{rows}\n"

    def _model_card(self) -> str:
        path = assets_folder() / "weights" / "README.md"
        try:
            return path.read_text(encoding="utf-8")
        except OSError as error:
            return self.tr("The model card {path} cannot be read: {why}").format(path=path, why=error.strerror)

    def _licences(self) -> str:
        text = self.tr(
            "Gesture App is free software: you may use, study, share and change it under the terms of the GNU General "
            "Public License, version 3 or later. It comes without any warranty."
        )
        head = f"| {self.tr('Part')} | {self.tr('Version')} | {self.tr('Licence')} |\n|---|---|---|"
        rows = "\n".join(f"| {p.name} | {installed_version(p.package)} | {p.licence} |" for p in PARTS)
        others = (
            self.tr("The detector follows YOLOX (Megvii, Apache-2.0) in names and numerics."),
            self.tr(
                "The weights were trained on pictures of HaGRID (Kapitanov et al., WACV 2024; a reworking of "
                "CC BY-SA 4.0) and on the pictures that the model card names."
            ),
            self.tr("The demo clip was rendered for this project from MakeHuman's body (CC0)."),
        )
        return f"{text}\n\n{head}\n{rows}\n\n" + "\n".join(f"- {other}" for other in others)


def installed_version(package: str) -> str:
    """The version of an installed package, found without importing it; a dash when it is not there."""
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return "–"
