"""Light and dark: the colours of the window, as the desktop or the user has them."""

from __future__ import annotations

from PyQt6.QtCore import QObject, Qt
from PyQt6.QtGui import QColor, QPalette
from PyQt6.QtWidgets import QApplication

from gesture_app.settings import Theme as Choice
from gesture_app.vision.assets import assets_folder

Role = QPalette.ColorRole

LIGHT = {
    Role.Window: "#f5f6f8",
    Role.WindowText: "#1b1f24",
    Role.Base: "#ffffff",
    Role.AlternateBase: "#f0f2f5",
    Role.Text: "#1b1f24",
    Role.PlaceholderText: "#68717d",
    Role.Button: "#ffffff",
    Role.ButtonText: "#1b1f24",
    Role.BrightText: "#ffffff",
    Role.ToolTipBase: "#1b1f24",
    Role.ToolTipText: "#f2f4f7",
    Role.Highlight: "#1f6feb",
    Role.HighlightedText: "#ffffff",
    Role.Link: "#0b5ed7",
    Role.LinkVisited: "#6f42c1",
    Role.Light: "#ffffff",
    Role.Midlight: "#eceef2",
    Role.Mid: "#d3d8df",
    Role.Dark: "#aab2bd",
    Role.Shadow: "#7d8793",
}
DARK = {  # fields and buttons are lighter than the window: Fusion's edges are darker, and not seen on dark
    Role.Window: "#1d2025",
    Role.WindowText: "#e8eaed",
    Role.Base: "#2a2f36",
    Role.AlternateBase: "#2f353d",
    Role.Text: "#e8eaed",
    Role.PlaceholderText: "#9aa4b1",
    Role.Button: "#333941",
    Role.ButtonText: "#e8eaed",
    Role.BrightText: "#ffffff",
    Role.ToolTipBase: "#3b424c",
    Role.ToolTipText: "#f2f4f7",
    Role.Highlight: "#2470e0",
    Role.HighlightedText: "#ffffff",
    Role.Link: "#6cb0ff",
    Role.LinkVisited: "#b79bff",
    Role.Light: "#4a525d",
    Role.Midlight: "#3d444e",
    Role.Mid: "#454d58",
    Role.Dark: "#0f1114",
    Role.Shadow: "#000000",
}
FADED = {"light": "#9aa3ae", "dark": "#7a8490"}
FADED_ROLES = (Role.WindowText, Role.Text, Role.ButtonText, Role.HighlightedText)

STYLE_SHEET = """
QToolTip {{ background: {tip}; color: {tip_text}; border: 1px solid {edge}; padding: 4px 6px; }}
QDialogButtonBox, QMessageBox {{ dialogbuttonbox-buttons-have-icons: 0; }}
QPushButton, QToolButton#boxed {{
    background: {button}; border: 1px solid {edge}; border-radius: 6px; padding: 5px 12px;
}}
QPushButton:hover, QToolButton:hover {{ background: {hover}; }}
QPushButton:pressed, QToolButton:pressed, QPushButton:checked {{ background: {edge}; }}
QPushButton:disabled {{ color: {faded}; }}
QPushButton:default {{ background: {accent}; border-color: {accent}; color: {accent_text}; }}
QPushButton:default:disabled {{ background: {button}; border-color: {edge}; color: {faded}; }}
QPushButton:focus, QToolButton:focus {{ border: 1px solid {accent}; }}
QToolButton {{ border: 1px solid transparent; border-radius: 6px; padding: 4px; }}
QToolButton:checked {{ background: {edge}; }}
QGroupBox {{
    border: 0; border-top: 1px solid {edge}; margin-top: 1.1em; padding-top: 0.7em; font-weight: 600;
}}
QGroupBox::title {{ subcontrol-origin: margin; left: 0; padding: 0 8px 0 0; color: {text}; }}
QDockWidget {{ font-weight: 600; titlebar-close-icon: none; titlebar-normal-icon: none; }}
QDockWidget::title {{ padding: 7px 10px; background: {window}; border-bottom: 1px solid {edge}; }}
QStatusBar {{ border-top: 1px solid {edge}; }}
QStatusBar::item {{ border: 0; }}
QMenuBar {{ border-bottom: 1px solid {edge}; }}
QHeaderView::section {{
    background: {window}; border: 0; border-bottom: 1px solid {edge}; padding: 4px 6px; font-weight: 600;
}}
QTableView, QTreeView, QListWidget, QPlainTextEdit, QTextBrowser, QFrame#notice {{
    border: 1px solid {edge}; border-radius: 6px;
}}
QFrame#notice {{ background: {base}; }}
QLabel#drop {{
    background: rgba(15, 17, 20, 190); color: white; border: 3px dashed {accent}; border-radius: 8px;
    font-size: 15pt; font-weight: 600;
}}
QTabWidget::pane {{ border: 1px solid {edge}; border-radius: 6px; }}
QTabWidget QTextBrowser {{ border: 0; }}
QTabBar::tab {{ padding: 6px 14px; border: 2px solid transparent; }}
QTabBar::tab:hover {{ background: {hover}; }}
QTabBar::tab:top:selected {{ border-bottom-color: {accent}; }}
QTabBar::tab:bottom:selected {{ border-top-color: {accent}; }}
QTabBar::tab:!selected {{ color: {outline}; }}
QTabBar::tab:focus {{ color: {accent}; }}
QLineEdit, QComboBox, QAbstractSpinBox {{
    background: {base}; border: 1px solid {edge}; border-radius: 6px; padding: 4px 6px;
}}
QLineEdit:focus, QComboBox:focus, QAbstractSpinBox:focus {{ border-color: {accent}; }}
QLineEdit:disabled, QComboBox:disabled, QAbstractSpinBox:disabled {{ background: {window}; color: {faded}; }}
QComboBox QLineEdit, QAbstractSpinBox QLineEdit {{ border: 0; padding: 0; background: transparent; }}
QComboBox {{ combobox-popup: 0; }}
QComboBox::drop-down {{ border: 0; width: 22px; }}
QComboBox::down-arrow, QAbstractSpinBox::down-arrow {{ image: url("{down}"); width: 12px; height: 12px; }}
QAbstractSpinBox::up-arrow {{ image: url("{up}"); width: 12px; height: 12px; }}
QAbstractSpinBox::up-button, QAbstractSpinBox::down-button {{ border: 0; width: 18px; }}
QAbstractSpinBox::up-button:hover, QAbstractSpinBox::down-button:hover {{ background: {hover}; }}
QComboBox QAbstractItemView {{ background: {base}; border: 1px solid {edge}; outline: 0; }}
QComboBox QAbstractItemView::item {{ padding: 2px 6px; min-height: 1.6em; }}
QCheckBox::indicator, QListWidget::indicator {{
    width: 15px; height: 15px; border: 1px solid {outline}; border-radius: 4px; background: {base};
}}
QCheckBox::indicator:hover, QCheckBox::indicator:focus {{ border-color: {accent}; }}
QCheckBox::indicator:checked, QListWidget::indicator:checked {{
    background: {accent}; border-color: {accent}; image: url("{check}");
}}
QCheckBox::indicator:disabled {{ border-color: {edge}; background: {window}; }}
QCheckBox::indicator:checked:disabled {{ border-color: {faded}; background: {faded}; }}
QProgressBar {{ background: {edge}; border: 0; border-radius: 4px; max-height: 8px; }}
QProgressBar::chunk {{ background: {accent}; border-radius: 4px; }}
QScrollBar {{ background: transparent; border: 0; margin: 0; }}
QScrollBar:vertical {{ width: 12px; }}
QScrollBar:horizontal {{ height: 12px; }}
QScrollBar::handle {{ background: {handle}; border-radius: 4px; margin: 2px; }}
QScrollBar::handle:vertical {{ min-height: 32px; }}
QScrollBar::handle:horizontal {{ min-width: 32px; }}
QScrollBar::handle:hover {{ background: {faded}; }}
QScrollBar::add-line, QScrollBar::sub-line {{ width: 0; height: 0; }}
QScrollBar::add-page, QScrollBar::sub-page {{ background: transparent; }}
QMainWindow::separator {{ background: {edge}; width: 1px; height: 1px; }}
"""


class Theme(QObject):
    """Colours the whole application, and follows the desktop when it turns dark or light.

    Args:
        application: gets Qt's Fusion style, which looks the same everywhere.
        choice: the desktop's colours, light or dark.
    """

    def __init__(self, application: QApplication, choice: Choice = "system") -> None:
        super().__init__(application)
        self._application = application
        self._choice: Choice = choice
        self._desktop_dark = is_dark(application.palette())  # before the first palette of ours
        self._dark: bool | None = None
        application.setStyle("Fusion")
        hints = application.styleHints()
        assert hints is not None
        hints.colorSchemeChanged.connect(self._apply)
        self._apply()

    def set_choice(self, choice: Choice) -> None:
        """Use other colours from now on."""
        self._choice = choice
        self._apply()

    def _apply(self) -> None:
        dark = self._wants_dark()
        if dark == self._dark:
            return
        self._dark = dark
        palette = make_palette(dark)
        self._application.setPalette(palette)
        self._application.setStyleSheet(_style_sheet(palette))

    def _wants_dark(self) -> bool:
        hints = self._application.styleHints()
        assert hints is not None
        schemes = {"light": Qt.ColorScheme.Light, "dark": Qt.ColorScheme.Dark}
        hints.setColorScheme(schemes.get(self._choice, Qt.ColorScheme.Unknown))  # the frame of the window follows too
        if self._choice != "system":
            return self._choice == "dark"
        scheme = hints.colorScheme()
        return self._desktop_dark if scheme == Qt.ColorScheme.Unknown else scheme == Qt.ColorScheme.Dark


def make_palette(dark: bool) -> QPalette:
    """All colours of the window."""
    palette = QPalette()
    for role, colour in (DARK if dark else LIGHT).items():
        palette.setColor(role, QColor(colour))
    palette.setColor(Role.Accent, palette.color(Role.Highlight))
    for role in FADED_ROLES:
        palette.setColor(QPalette.ColorGroup.Disabled, role, QColor(FADED["dark" if dark else "light"]))
    return palette


def is_dark(palette: QPalette) -> bool:
    """Whether its text is lighter than what is behind it."""
    return palette.color(Role.Window).lightness() < palette.color(Role.WindowText).lightness()


def _style_sheet(palette: QPalette) -> str:
    return STYLE_SHEET.format(
        check=(assets_folder() / "check.svg").as_posix(),
        down=(assets_folder() / "arrow-down.svg").as_posix(),
        up=(assets_folder() / "arrow-up.svg").as_posix(),
        base=palette.color(Role.Base).name(),
        outline=palette.color(Role.PlaceholderText).name(),
        tip=palette.color(Role.ToolTipBase).name(),
        tip_text=palette.color(Role.ToolTipText).name(),
        handle=palette.color(Role.Light if is_dark(palette) else Role.Dark).name(),
        edge=palette.color(Role.Mid).name(),
        hover=palette.color(Role.Midlight).name(),
        button=palette.color(Role.Button).name(),
        window=palette.color(Role.Window).name(),
        text=palette.color(Role.WindowText).name(),
        accent=palette.color(Role.Highlight).name(),
        accent_text=palette.color(Role.HighlightedText).name(),
        faded=palette.color(QPalette.ColorGroup.Disabled, Role.WindowText).name(),
    )
