"""A short sound when a gesture begins."""

from __future__ import annotations

import io
import wave
from pathlib import Path

from PyQt6.QtCore import QObject, QTemporaryDir, QUrl
from PyQt6.QtWidgets import QApplication

RATE_HZ = 44100
LENGTH_S = 0.18
PITCHES_HZ = (659.26, 987.77)
"""E5 and B5, a fifth."""
VOLUME = 0.35


class Chime(QObject):
    """Plays a soft bell; the system's own signal where there is no sound output.

    What plays sounds is loaded when the first is wanted.
    """

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._folder: QTemporaryDir | None = None
        self._effect: QObject | None = None

    def play(self) -> None:
        """Sound once; a sound that still plays begins again."""
        try:
            from PyQt6.QtMultimedia import QMediaDevices, QSoundEffect
        except ImportError:  # a system library of it is missing
            QApplication.beep()
            return
        if QMediaDevices.defaultAudioOutput().isNull():
            QApplication.beep()
            return
        if self._effect is None:
            self._folder = QTemporaryDir()
            path = Path(self._folder.filePath("chime.wav"))
            path.write_bytes(bell_wav())
            self._effect = QSoundEffect(self)
            self._effect.setSource(QUrl.fromLocalFile(str(path)))
        assert isinstance(self._effect, QSoundEffect)
        self._effect.play()


def bell_wav() -> bytes:
    """A WAV file, mono, 16 bit: two tones that fade."""
    import numpy as np  # with the first sound only: it takes a fifth of the time until the window is there

    time_s = np.arange(round(RATE_HZ * LENGTH_S)) / RATE_HZ
    tones = sum(np.sin(2 * np.pi * pitch * time_s) for pitch in PITCHES_HZ) / len(PITCHES_HZ)
    loudness = np.minimum(time_s / 0.005, 1) * np.exp(-time_s / 0.05)
    samples = np.asarray(VOLUME * 32767 * tones * loudness, np.int16)
    stream = io.BytesIO()
    with wave.open(stream, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE_HZ)
        file.writeframes(samples.tobytes())
    return stream.getvalue()
