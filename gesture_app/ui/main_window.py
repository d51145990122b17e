"""The window of `gesture-app live`."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

from PyQt6.QtCore import QEvent, QSettings, Qt, pyqtSignal, pyqtSlot
from PyQt6.QtGui import QCloseEvent, QDragEnterEvent, QDragLeaveEvent, QDragMoveEvent, QDropEvent
from PyQt6.QtWidgets import QApplication, QDialog, QDockWidget, QMainWindow, QMessageBox

from gesture_app.settings import Settings
from gesture_app.ui.banner import banner_for
from gesture_app.ui.capture import Capture
from gesture_app.ui.desktop import is_sure, shown_path, take_copy
from gesture_app.ui.ending import end_all
from gesture_app.ui.event_feed import EventFeed
from gesture_app.ui.full_screen import FullScreen
from gesture_app.ui.key_guard import KeyGuard
from gesture_app.ui.live import LiveSettings, LoadRecognizer, ModelChoice, Phase, Result, Status
from gesture_app.ui.menus import Menus
from gesture_app.ui.opening import Opening
from gesture_app.ui.playback import Playback
from gesture_app.ui.recording_badge import RecordingBadge
from gesture_app.ui.settings_store import SettingsStore
from gesture_app.ui.source_choice import SourceChoice
from gesture_app.ui.tools import Tools
from gesture_app.ui.window_layout import WindowLayout
from gesture_app.ui.workers import LiveWorker, OpenReader
from gesture_app.video.addresses import SourceOptions, normal_source, source_kind
from gesture_app.vision.model_folders import installed_models

NAME = "Gesture App"
JUMP_S = 5.0
TOLD_MS = 8000


class MainWindow(QMainWindow):
    """Everything around the live picture; each part knows only its own.

    Args:
        load: gives the recognizer for a choice of networks; called in the live thread.
        open_reader: makes the reader of a source.
        store: what the user has chosen.
        geometry: keeps size and docks; None keeps nothing.
        loop: whether clips start again at their end.

    Signals:
        fault: may be emitted from any thread; the text of an unexpected error, shown to the user.
    """

    fault = pyqtSignal(str)

    def __init__(
        self,
        load: LoadRecognizer,
        open_reader: OpenReader,
        store: SettingsStore,
        geometry: QSettings | None = None,
        loop: bool = False,
    ) -> None:
        super().__init__()
        self._store = store
        self._geometry = geometry
        self._fault_box: QMessageBox | None = None
        settings = store.settings

        self.layout_ = WindowLayout(self, settings)
        self.source_bar, self.view = self.layout_.source_bar, self.layout_.view
        self.playback_bar, self.notice = self.layout_.playback_bar, self.layout_.notice
        self.controls, self.figures = self.layout_.controls, self.layout_.figures
        self.event_panel, self.timeline = self.layout_.event_panel, self.layout_.timeline
        self.menus = Menus(self)
        self.capture = Capture(self.menus, self.view, self.notice, store, self)
        self.events = EventFeed(self.event_panel, self.timeline, self.layout_.bars, self)
        worker = LiveWorker(load, open_reader, LiveSettings.of(settings, mirror=False), self.capture.recorder)
        self.playback = Playback(worker, SourceOptions(loop, settings.camera_size_wh), self)
        self.sources = SourceChoice(self.layout_, self.menus, Opening(self), self.playback, store)
        self.tools = Tools(self, load, store)
        self._complete(loop)
        self._connect_playback()
        self._connect_menus()
        self._connect_parts()
        self._apply_settings(settings)
        self._show_status(Status(0, Phase.IDLE))
        self.layout_.fit_screen(geometry)

    def begin(self, source: str | None) -> None:
        """Play this source; None leaves the choice to what was played last, and to the user at the first start."""
        self.layout_.lift_docks()
        self.capture.keep_left()
        if self._store.warning:
            self.notice.show_failure(self._store.warning)
        self.sources.begin(source)
        if not self.playback.source:
            self.playback.halt()  # the networks load while the user chooses
        self._show_status(Status(0, self.playback.phase, clip=self.playback.clip))

    def play(self, source: str, begin_s: float = 0.0) -> None:
        """Play this source now, whatever was played before; a clip from this time on."""
        if source := source.strip():
            source = normal_source(source)
            self.sources.remember(source)
            self.playback.play(source, begin_s)
            self.view.setFocus()

    @property
    def _is_camera(self) -> bool:
        return source_kind(self.playback.source) == "camera"

    def shutdown(self, timeout_s: float) -> bool:
        """Keep size and docks, end all threads, complete all files; False if something still runs after that time."""
        if self._geometry is not None:
            self.layout_.save(self._geometry)
        self._store.write()
        self.playback.request_close()
        return end_all(timeout_s, self.capture.shutdown, self.tools.shutdown, self.playback.shutdown)

    def closeEvent(self, event: QCloseEvent | None) -> None:
        """Ask before work is broken off, all of which `shutdown` ends."""
        assert event is not None
        question = self.tr("Videos are being annotated or a model is being trained. Close and break that off?")
        if self.tools.running and not is_sure(self, self.tr("Close"), question):
            event.ignore()
            return
        super().closeEvent(event)
        for dialog in self.findChildren(QDialog):
            dialog.hide()  # `close` would ask again; their work is ended by `shutdown`

    def changeEvent(self, event: QEvent | None) -> None:
        """Follow the window manager, which can begin and end full screen as well."""
        super().changeEvent(event)
        if event is not None and event.type() == QEvent.Type.WindowStateChange:
            self.menus.full_screen.setChecked(self.isFullScreen())

    def focusNextPrevChild(self, next: bool) -> bool:
        """Pass over a dock that lies behind another: Qt has it outside the window, and takes it for visible."""
        first = QApplication.focusWidget()
        behind = [dock for dock in self.findChildren(QDockWidget) if dock.visibleRegion().isEmpty()]
        while super().focusNextPrevChild(next):
            reached = QApplication.focusWidget()
            if reached is first or not any(dock.isAncestorOf(reached) for dock in behind):
                return True
        return False

    def dragEnterEvent(self, event: QDragEnterEvent | None) -> None:
        """Welcome files and addresses that can be played."""
        if event is not None and (offer := self.sources.opening.drop_offer(event.mimeData())):
            take_copy(event)
            self.layout_.offer_drop(offer)

    def dragMoveEvent(self, event: QDragMoveEvent | None) -> None:
        """Anywhere in the window."""
        if event is not None:
            take_copy(event)

    def dragLeaveEvent(self, event: QDragLeaveEvent | None) -> None:
        """Nothing is dropped."""
        self.layout_.offer_drop("")

    def dropEvent(self, event: QDropEvent | None) -> None:
        """Play what was dropped, or annotate it."""
        self.layout_.offer_drop("")
        if event is not None:
            take_copy(event)
            self.sources.opening.take_drop(event.mimeData())

    def _complete(self, loop: bool) -> None:
        """What needs more than one part."""
        menus = self.menus
        for action in (menus.open, menus.snapshot, menus.record, menus.full_screen):
            self.source_bar.add_button(action)
        for part in (*self.tools.buttons, RecordingBadge(self.capture.recorder)):
            self.figures.addPermanentWidget(part)
        FullScreen(self.layout_, menus, self.capture.recorder, self)
        KeyGuard(self).watch(self)
        panel = self.event_panel
        for action in (panel.export_action, panel.copy_action, panel.clear_action, panel.sounds_action):
            menus.gestures_menu.addAction(action)
        for action in self.layout_.dock_actions:
            menus.view_menu.addAction(action)
        self.addActions([*self.layout_.dock_actions, panel.export_action, panel.clear_action, panel.sounds_action])
        menus.loop.setChecked(loop)
        self.playback_bar.take_actions(menus.loop, menus.speed_menu)
        self.controls.model.set_models(installed_models())
        self.setAcceptDrops(True)
        self.setWindowTitle(NAME)
        self.source_bar.start_button.setFocus()

    def _connect_playback(self) -> None:
        self.playback.status_changed.connect(self._show_status)
        self.playback.result_ready.connect(self._show_result)
        self.playback.noted.connect(self.notice.show_note)
        self.playback.source_changed.connect(self._begin_source)
        self.playback.playing_changed.connect(self.playback_bar.set_playing)
        self.playback.models_loaded.connect(self._show_model)
        self.playback_bar.toggled.connect(self.playback.toggle)
        self.playback_bar.stepped.connect(self.playback.step)
        self.playback_bar.sought.connect(self.playback.seek)
        self.event_panel.event_chosen.connect(self._show_event)
        self.timeline.time_chosen.connect(self.playback.seek)

    def _connect_menus(self) -> None:
        menus, playback = self.menus, self.playback
        menus.quit.triggered.connect(self.close)
        menus.toggle.triggered.connect(self._toggle)
        menus.stop.triggered.connect(self.playback.halt)
        menus.back.triggered.connect(lambda: playback.step(-1))
        menus.forward.triggered.connect(lambda: playback.step(1))
        menus.jump_back.triggered.connect(lambda: playback.seek(playback.position_s - JUMP_S))
        menus.jump_forward.triggered.connect(lambda: playback.seek(playback.position_s + JUMP_S))
        menus.to_start.triggered.connect(lambda: playback.seek(0.0))
        menus.to_end.triggered.connect(lambda: playback.seek(playback.clip_end_s))
        menus.loop.toggled.connect(playback.set_loop)
        menus.speed_chosen.connect(playback.set_speed)
        menus.speed_chosen.connect(self.playback_bar.show_speed)
        menus.mirror.triggered.connect(self._mirror)
        menus.picture_mode_chosen.connect(lambda mode: self._store.update(picture_mode=mode))
        menus.theme_chosen.connect(lambda theme: self._store.update(theme=theme))
        for action, show in (
            (menus.gestures, self.tools.gestures),
            (menus.annotate, self.tools.annotate),
            (menus.train, self.tools.train),
            (menus.doctor, lambda: self.tools.doctor(self._camera_in_use)),
            (menus.shortcuts, self.tools.shortcuts),
            (menus.about, lambda: self.tools.about(self.figures.device_label.text())),
        ):
            action.triggered.connect(show)

    def _connect_parts(self) -> None:
        self.fault.connect(self._show_fault)
        self._store.changed.connect(self._apply_settings)
        self._store.failed.connect(self.notice.show_failure)
        self.controls.changed.connect(self._store.set)
        self.controls.check_requested.connect(self.menus.doctor.trigger)
        self.event_panel.told.connect(self._tell)
        self.event_panel.sounds_toggled.connect(lambda on: self._store.update(sounds=on))
        self.sources.chosen.connect(self.play)
        self.sources.opening.several_dropped.connect(self._annotate)
        self.source_bar.toggled.connect(self._start_or_stop)
        self.view.painted.connect(self.figures.add_painted)
        self.capture.recorder.recording_changed.connect(self._follow_recording)
        for part in (self.events, self.notice):
            part.told.connect(self.view.tell)
        self.tools.model_installed.connect(self._use_model)
        self.tools.annotated.connect(self.notice.show_annotated)

    @pyqtSlot(object)
    def _show_result(self, result: Result) -> None:
        self.figures.add_result(result)
        is_new = result.inference_s is not None  # else an old picture that is drawn anew
        self.view.show_picture(result.picture, result.captured_s if is_new else None)
        self.playback_bar.set_position(result.time_s, result.name)
        self.events.add(result)
        self._offer_capture()

    def _offer_capture(self) -> None:
        """A snapshot needs a picture, a recording also a source that goes on; what is recorded can always be ended."""
        shown, clip = self.view.picture is not None, self.playback.clip
        goes_on = self.playback.phase.running and (clip is None or not clip.still)
        self.menus.snapshot.setEnabled(shown)
        self.menus.record.setEnabled((shown and goes_on) or self.capture.recorder.recording)

    @pyqtSlot(bool)
    def _follow_recording(self, on: bool) -> None:
        self._offer_capture()
        if on:
            self.view.tell(self.tr("Recording"))  # the end is told by the notice

    @pyqtSlot(object)
    def _show_status(self, status: Status) -> None:
        hint = ""
        if status.phase is Phase.IDLE and self.source_bar.source():
            hint = self.tr("Press Start to play what is chosen above, or open a file (Ctrl+O).")
        elif status.phase is Phase.IDLE and not self.sources.cameras.found:
            hint = self.tr("No camera is connected. Connect one, or open a file (Ctrl+O).")
        shown = replace(status, message=hint) if hint else status
        if status.phase in (Phase.IDLE, Phase.FAILED):  # nothing is played, or the boxes are of other networks
            self.view.clear_picture()
            self.figures.begin()
        source = self.playback.source
        self.view.show_banner(banner_for(shown, source, self.sources.shown(source)))
        self.source_bar.set_running(status.phase.running)
        self.sources.offer()
        clip = status.clip if status.clip is not None and not status.clip.still else None
        self.playback_bar.set_clip(clip, self.playback.position_s)
        self.menus.enable_clip(clip is not None)
        self.menus.stop.setEnabled(status.phase.running)
        self._offer_capture()
        self.events.follow(status)
        if status.phase is Phase.NO_SOURCE:
            self.sources.forget(self.playback.source)

    @pyqtSlot(str)
    def _begin_source(self, source: str) -> None:
        name = self.sources.shown(source)
        self.notice.end_notes()
        self.view.clear_picture()
        self.figures.begin()
        self.events.begin(source, name)
        self.setWindowTitle(f"{name} – {NAME}")
        self._apply_settings(self._store.settings)

    @pyqtSlot(str, object)
    def _show_model(self, device: str, labels: tuple[str, ...]) -> None:
        self.figures.begin()
        self.figures.set_device(device)
        self.controls.gestures.set_labels(labels)

    @pyqtSlot(object)
    def _apply_settings(self, settings: Settings) -> None:
        self.controls.set_settings(settings)
        self.view.set_mode(settings.picture_mode)
        self.event_panel.set_sounds(settings.sounds)
        self.menus.set_choices(settings.picture_mode, settings.theme)
        self.menus.mirror.setChecked(settings.mirror_cameras if self._is_camera else settings.mirror_files)
        self.sources.offer()
        screen = source_kind(self.playback.source) == "screen"
        self.playback.configure(LiveSettings.of(settings, self.menus.mirror.isChecked(), screen))
        self.playback.choose_model(ModelChoice.of(settings))
        if self.playback.set_camera_size(settings.camera_size_wh) and self._is_camera and self.playback.phase.running:
            self.play(self.playback.source)

    def _show_event(self, source: str, time_s: float) -> None:
        if source == self.playback.source and self.playback.clip is not None:
            self.playback.seek(time_s)
            self.view.setFocus()
        elif os.path.exists(source):  # noqa: PTH110  # `Path` raises where it may not look
            self.play(source, time_s)
        else:
            text = self.tr("This gesture was seen in {source}, which is not there any more")
            self._tell(text.format(source=shown_path(source)))

    def _annotate(self, files: list[Path]) -> None:
        if not self.tools.annotate_files(files):
            self._tell(self.tr("More files can be added once those on the list are annotated"))

    def _camera_in_use(self) -> str:
        return self.playback.source if self._is_camera and self.playback.phase.running else ""

    def _tell(self, text: str) -> None:
        self.figures.showMessage(text, TOLD_MS)
        self.view.tell(text)

    def _start_or_stop(self) -> None:
        if self.playback.phase.running:
            self.playback.halt()
        else:
            self.sources.choose_entered()

    def _toggle(self) -> None:
        if self.playback.phase.open or (self.playback.source and self.playback.source == self.source_bar.source()):
            self.playback.toggle()
        else:
            self.sources.choose_entered()

    def _mirror(self, on: bool) -> None:
        self._store.update(**{"mirror_cameras" if self._is_camera else "mirror_files": on})

    def _use_model(self, folder: Path) -> None:
        self.controls.model.set_models(installed_models())
        self._store.update(weights=str(folder))

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
