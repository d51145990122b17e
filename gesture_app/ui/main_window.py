"""The window of `gesture-app live`."""

from __future__ import annotations

from pathlib import Path

from PyQt6.QtCore import QEvent, QObject, Qt, pyqtSignal, pyqtSlot
from PyQt6.QtGui import QAction, QCloseEvent, QKeyEvent, QKeySequence
from PyQt6.QtWidgets import QAbstractButton, QFileDialog, QMainWindow, QMessageBox, QVBoxLayout, QWidget

from gesture_app.ui.banner import banner_for
from gesture_app.ui.controls import Controls
from gesture_app.ui.figures import Figures
from gesture_app.ui.live import LiveSettings, Phase, Status
from gesture_app.ui.source_bar import SourceBar, is_camera, shown_source
from gesture_app.ui.video_view import VideoView
from gesture_app.ui.workers import LiveWorker
from gesture_app.vision.hands import RecognizerOptions

VIDEO_FILES = "*.mp4 *.m4v *.mov *.mkv *.webm *.avi *.mpg *.mpeg *.ts *.wmv *.gif"


class MainWindow(QMainWindow):
    """Source, picture, controls and figures around one `LiveWorker`, which it starts.

    Args:
        worker: not started yet; `shutdown` ends it.
        options: what the controls show first.
        loop: whether video files start again at their end.

    Signals:
        fault: may be emitted from any thread; the text of an unexpected error, shown to the user.
    """

    fault = pyqtSignal(str)

    def __init__(self, worker: LiveWorker, options: RecognizerOptions, loop: bool = False) -> None:
        super().__init__()
        self._worker = worker
        self._loop = loop
        self._run = 0
        self._source = ""
        self._phase = Phase.IDLE
        self._mirror_by_kind = {True: True, False: False}  # cameras show a mirror, files what was filmed
        self._fault_box: QMessageBox | None = None

        self.source_bar = SourceBar()
        self.view = VideoView()
        self.controls = Controls(options)
        self.figures = Figures()
        self._build_layout()
        self._build_menus()
        self._connect()
        self._set_title()
        self._show_status(Status(0, Phase.IDLE))
        self._worker.start()

    def play(self, source: str) -> None:
        """Play this source now, whatever was played before."""
        source = source.strip()
        self.source_bar.set_source(source)
        if not source:
            return
        self._source = source
        self._set_mirror_for(source)
        self.view.clear_picture()
        self.figures.begin()
        self._set_title()
        self._run = self._worker.play(source, self._loop)
        self._show_status(Status(self._run, Phase.OPENING))

    def halt(self) -> None:
        """Stop playing; the picture goes."""
        self._run = self._worker.halt()
        self.view.clear_picture()
        self.figures.begin()
        self._show_status(Status(self._run, Phase.IDLE))

    @property
    def phase(self) -> Phase:
        """Where the source stands, as the window shows it."""
        return self._phase

    def shutdown(self, timeout_s: float) -> bool:
        """End the worker; False if its thread still runs after that time."""
        return self._worker.close(timeout_s)

    def closeEvent(self, event: QCloseEvent | None) -> None:
        """Ask the worker to end; whoever runs the event loop waits for it with `shutdown`."""
        self._worker.request_close()
        super().closeEvent(event)

    def eventFilter(self, watched: QObject | None, event: QEvent | None) -> bool:
        """Leave Space to a focused button or check box, which it presses, before it means start or stop."""
        if (
            isinstance(event, QKeyEvent)
            and event.type() == QEvent.Type.ShortcutOverride
            and event.key() == Qt.Key.Key_Space
        ):
            event.accept()
            return True
        return super().eventFilter(watched, event)

    def _build_layout(self) -> None:
        centre = QWidget()
        column = QVBoxLayout(centre)
        column.addWidget(self.source_bar)
        column.addWidget(self.view, 1)
        column.addWidget(self.controls)
        self.setCentralWidget(centre)
        self.setStatusBar(self.figures)
        self.setMinimumSize(800, 600)
        self.resize(1024, 760)
        self.source_bar.start_button.setFocus()

    def _build_menus(self) -> None:
        bar = self.menuBar()
        assert bar is not None
        source, view = bar.addMenu(self.tr("&Source")), bar.addMenu(self.tr("&View"))
        assert source is not None and view is not None
        self.open_action = QAction(self.tr("&Open video…"), self)
        self.open_action.setShortcut(QKeySequence("Ctrl+O"))
        self.toggle_action = QAction(self.tr("&Start or stop"), self)
        self.toggle_action.setShortcut(QKeySequence("Space"))
        self.quit_action = QAction(self.tr("&Quit"), self)
        self.quit_action.setShortcut(QKeySequence("Ctrl+Q"))
        self.quit_action.setMenuRole(QAction.MenuRole.QuitRole)
        self.mirror_action = QAction(self.tr("&Mirror"), self)
        self.mirror_action.setShortcut(QKeySequence("M"))
        self.mirror_action.setCheckable(True)
        self.full_screen_action = QAction(self.tr("&Full screen"), self)
        self.full_screen_action.setShortcuts([QKeySequence("F"), QKeySequence("F11")])
        self.full_screen_action.setCheckable(True)
        self.leave_action = QAction(self.tr("&Leave full screen"), self)
        self.leave_action.setShortcut(QKeySequence("Esc"))
        self.leave_action.setEnabled(False)
        source.addActions([self.open_action, self.toggle_action])
        source.addSeparator()
        source.addAction(self.quit_action)
        view.addActions([self.mirror_action, self.full_screen_action, self.leave_action])
        # A shortcut of a hidden menu bar is dead: in full screen the window itself must carry them.
        self.addActions([*source.actions(), *view.actions()])

    def _connect(self) -> None:
        self._worker.result_ready.connect(self._show_result)
        self._worker.status_changed.connect(self._take_status)
        self._worker.models_loaded.connect(self.figures.set_device)
        self.fault.connect(self._show_fault)
        self.view.painted.connect(self.figures.add_painted)
        self.view.double_clicked.connect(self.full_screen_action.toggle)
        self.source_bar.toggled.connect(self._toggle)
        self.source_bar.chosen.connect(self._play_chosen)
        self.source_bar.open_requested.connect(self._choose_file)
        self.open_action.triggered.connect(self._choose_file)
        self.toggle_action.triggered.connect(self._toggle)
        self.quit_action.triggered.connect(self.close)
        self.mirror_action.toggled.connect(self.controls.mirror.setChecked)
        self.controls.mirror.toggled.connect(self.mirror_action.setChecked)
        self.controls.mirror.clicked.connect(self._remember_mirror)
        self.mirror_action.triggered.connect(self._remember_mirror)
        self.controls.changed.connect(self._configure)
        self.full_screen_action.toggled.connect(self._set_full_screen)
        self.leave_action.triggered.connect(lambda: self.full_screen_action.setChecked(False))
        for button in (self.source_bar.open_button, self.controls.mirror):
            assert isinstance(button, QAbstractButton)
            button.installEventFilter(self)

    @pyqtSlot()
    def _show_result(self) -> None:
        result = self._worker.take_result()
        if result is None or result.run != self._run:
            return
        self.figures.add_result(result)
        is_new = result.inference_s is not None  # else an old picture that has only lost its boxes
        self.view.show_picture(result.picture, result.captured_s if is_new else None)

    @pyqtSlot(object)
    def _take_status(self, status: Status) -> None:
        if status.run == self._run:
            self._show_status(status)

    def _show_status(self, status: Status) -> None:
        self._phase = status.phase
        self.view.show_banner(banner_for(status, shown_source(self._source)))
        self.source_bar.set_running(status.phase.running)

    def _toggle(self) -> None:
        if self._phase.running:
            self.halt()
        else:
            self._play_chosen()

    def _play_chosen(self) -> None:
        self.play(self.source_bar.source())
        self.view.setFocus()

    def _choose_file(self) -> None:
        folder = str(Path(self._source).parent) if self._source and not is_camera(self._source) else ""
        kinds = self.tr("Videos ({patterns});;All files (*)").format(patterns=VIDEO_FILES)
        name, _ = QFileDialog.getOpenFileName(self, self.tr("Open video"), folder, kinds)
        if name:
            self.play(name)

    def _set_mirror_for(self, source: str) -> None:
        self.controls.mirror.setChecked(self._mirror_by_kind[is_camera(source)])

    def _remember_mirror(self, mirror: bool) -> None:
        self._mirror_by_kind[is_camera(self._source)] = mirror

    def _configure(self) -> None:
        self._worker.configure(
            LiveSettings(self.controls.options(), self.controls.mirror.isChecked(), show_fps=self.isFullScreen())
        )

    def _set_full_screen(self, on: bool) -> None:
        for part in (self.source_bar, self.controls, self.figures, self.menuBar()):
            assert part is not None
            part.setVisible(not on)
        self._frame_picture(not on)
        self.leave_action.setEnabled(on)
        self.setWindowState(self.windowState() ^ Qt.WindowState.WindowFullScreen)
        self._configure()

    def _frame_picture(self, framed: bool) -> None:
        centre = self.centralWidget()
        layout = centre.layout() if centre is not None else None
        assert layout is not None
        if framed:
            layout.unsetContentsMargins()
        else:
            layout.setContentsMargins(0, 0, 0, 0)

    def _set_title(self) -> None:
        name = shown_source(self._source) if self._source else ""
        self.setWindowTitle(f"{name} – {self.tr('Gestures')}" if name else self.tr("Gestures"))

    @pyqtSlot(str)
    def _show_fault(self, text: str) -> None:
        """Tell an unexpected error without stopping anything; while one is shown, more would only be in the way."""
        if self._fault_box is not None:
            return
        box = QMessageBox(QMessageBox.Icon.Warning, self.tr("Unexpected error"), text, parent=self)
        box.setInformativeText(self.tr("The program goes on. Details are in the terminal."))
        box.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        box.setModal(False)
        box.finished.connect(self._forget_fault)
        self._fault_box = box
        box.show()

    def _forget_fault(self) -> None:
        self._fault_box = None
