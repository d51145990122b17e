"""The settings while the window is open: changed at once, written soon after, beside those of other windows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, is_dataclass, replace
from pathlib import Path
from typing import Any

from PyQt6.QtCore import QObject, QTimer, pyqtSignal

from gesture_app.errors import EnvironmentFault
from gesture_app.settings import Settings

WRITE_AFTER_MS = 500


class SettingsStore(QObject):
    """Holds the newest settings and their file.

    Args:
        path: the file.
        overrides: fields that were given for this session alone; they are written only when the user changes them.

    Signals:
        changed: carries the new `Settings`.
        failed: the file cannot be written; a line for the user, told once.

    Attributes:
        warning: what was wrong with the file, or None.
    """

    changed = pyqtSignal(object)
    failed = pyqtSignal(str)

    def __init__(self, path: Path, overrides: Mapping[str, Any] | None = None, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._path = path
        self._overrides = dict(overrides or {})
        self._stored, self.warning = Settings.load(path)
        self._settings = replace(self._stored, **self._overrides)
        self._failed = False
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(WRITE_AFTER_MS)
        self._timer.timeout.connect(self.write)

    @property
    def settings(self) -> Settings:
        """As they are now."""
        return self._settings

    def set(self, settings: Settings) -> None:
        """Replace all of them."""
        if settings != self._settings:
            self._settings = settings
            self._timer.start()
            self.changed.emit(settings)

    def update(self, **changes: Any) -> None:
        """Replace some of them."""
        self.set(replace(self._settings, **changes))

    def write(self) -> None:
        """Write the file now, if it is not up to date."""
        self._timer.stop()
        kept = {
            name: getattr(self._stored, name)
            for name, given in self._overrides.items()
            if getattr(self._settings, name) == given
        }
        wanted = replace(self._settings, **kept)
        if wanted == self._stored:
            return
        newest, warning = Settings.load(self._path)  # another window may have written since
        whole = warning is None and self._path.exists()
        try:
            _with_changes(newest if whole else wanted, self._stored, wanted).save(self._path)
            self._stored, self._failed = wanted, False
        except EnvironmentFault as fault:
            if not self._failed:
                self._failed = True
                self.failed.emit(str(fault))


def _with_changes(newest: Any, before: Any, after: Any) -> Any:
    """`newest` with that which differs between `before` and `after`, also within what is a group itself."""
    changes = {}
    for name in (field.name for field in fields(after)):
        there, old, new = (getattr(group, name) for group in (newest, before, after))
        if new != old:
            changes[name] = _with_changes(there, old, new) if is_dataclass(new) else new
    return replace(newest, **changes)
