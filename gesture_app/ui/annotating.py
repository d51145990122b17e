"""The thread that annotates files for the dialog."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import Enum
from os.path import lexists
from pathlib import Path
from typing import TYPE_CHECKING

from PyQt6.QtCore import QObject, QThread, pyqtSignal

from gesture_app.errors import GestureError, message_of
from gesture_app.ui.ending import LOAD_STOP_S
from gesture_app.video.partial_file import kept_name
from gesture_app.video.suffixes import annotated_name
from gesture_app.vision.atomic import first_free
from gesture_app.vision.hands import RecognizerOptions
from gesture_app.vision.images import has_picture_suffix

if TYPE_CHECKING:
    from gesture_app.annotate import Progress
    from gesture_app.vision.recognizer import Recognizer

TELL_EVERY_S = 0.1

LoadOwn = Callable[[], "Recognizer"]
"""Gives a recognizer that nobody else uses."""


class State(Enum):
    """Where a file stands."""

    WAITING = "waiting"
    RUNNING = "running"
    DONE = "done"
    PARTIAL = "partial"
    STOPPED = "stopped"
    FAILED = "failed"


@dataclass(frozen=True)
class Task:
    """A file to annotate, and where to; without a picture or video as a result `output` is None."""

    source: Path
    output: Path | None
    jsonl: Path | None


@dataclass(frozen=True)
class Outcome:
    """How a file ended; `result` is what can be opened, `text` what there is to say."""

    state: State
    result: Path | None = None
    text: str = ""


@dataclass(frozen=True)
class Effort:
    """How many pictures, or frames of videos, are done, how many there are as far as files tell, and the time taken."""

    done: int
    whole: int
    elapsed_s: float

    @property
    def left_s(self) -> float | None:
        """An estimate of the time that the rest takes."""
        if self.done == self.whole:
            return 0.0
        return self.elapsed_s / self.done * (self.whole - self.done) if 2 <= self.done < self.whole else None


@dataclass(frozen=True)
class Step:
    """How far the work is: in this file, whose `frame_count` is None where it does not tell it, and in all.

    Pictures and frames of videos are counted apart: a picture takes many times as long as a frame.
    """

    frame: int
    frame_count: int | None
    pictures: Effort
    frames: Effort

    @property
    def whole(self) -> Effort:
        """Of both kinds."""
        one, other = self.pictures, self.frames
        return Effort(one.done + other.done, one.whole + other.whole, one.elapsed_s + other.elapsed_s)

    @property
    def left_s(self) -> float | None:
        """An estimate of the time that the rest takes, once there is something to tell it from."""
        one_s, other_s = self.pictures.left_s, self.frames.left_s
        return None if one_s is None or other_s is None else one_s + other_s


class Annotating(QThread):
    """Annotates files one after the other; a file that cannot be used does not stop the others.

    Signals:
        loaded: the networks are ready.
        began: number of the file.
        progressed: a `Step` of that file.
        ended: number of the file, `Outcome`.

    Attributes:
        fault: why nothing could be done, once the thread has ended; empty if it could.
        cancelled: whether `cancel` was called.
    """

    loaded = pyqtSignal()
    began = pyqtSignal(int)
    progressed = pyqtSignal(object)
    ended = pyqtSignal(int, object)

    def __init__(
        self,
        tasks: Sequence[Task],
        load: LoadOwn,
        options: RecognizerOptions,
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self.setObjectName("annotating")
        self.fault = ""
        self._tasks = tasks
        self._load = load
        self._options = options
        self.cancelled = False
        self._loading = True
        self._efforts: dict[bool, Effort] = {}  # of pictures, and of what is none

    def cancel(self) -> None:
        """Stop after the frame that is being done; what there is of its file is kept."""
        self.cancelled = True

    def shutdown(self, timeout_s: float) -> bool:
        """Cancel and wait; False if it takes longer, or networks still load."""
        self.cancel()
        return self.wait(round((min(timeout_s, LOAD_STOP_S) if self._loading else timeout_s) * 1000))

    def run(self) -> None:
        """The thread's body."""
        try:
            recognizer = self._load()
            self._loading = False
            recognizer.options = self._options
            counts = [0 if self.cancelled else _frame_count(task.source) for task in self._tasks]
        except Exception as error:
            self.fault = message_of(error)
            return
        self.loaded.emit()
        kinds = [has_picture_suffix(task.source) for task in self._tasks]
        for kind in (True, False):
            whole = sum(count for count, of_kind in zip(counts, kinds, strict=True) if of_kind is kind)
            self._efforts[kind] = Effort(0, whole, 0.0)
        for number, task in enumerate(self._tasks):
            if self.cancelled:
                self.ended.emit(number, Outcome(State.STOPPED))
                continue
            self.began.emit(number)
            began_s = time.monotonic()
            self.ended.emit(number, self._annotate(task, recognizer))
            kind = kinds[number]
            self._efforts[kind] = self._effort(kind, counts[number], began_s)

    def _effort(self, kind: bool, more: int, began_s: float) -> Effort:
        before = self._efforts[kind]
        return Effort(before.done + more, before.whole, before.elapsed_s + time.monotonic() - began_s)

    def _annotate(self, task: Task, recognizer: Recognizer) -> Outcome:
        from gesture_app.annotate import AnnotateOptions, annotate

        warnings: list[str] = []
        options = AnnotateOptions(task.output, task.jsonl, task.output is not None)
        try:
            summary = annotate(
                task.source, recognizer, options, self._teller(task), warnings.append, lambda: self.cancelled
            )
        except Exception as error:
            return Outcome(State.FAILED, _kept(task), message_of(error))
        if summary.stopped:
            kept = _kept(task)
            return Outcome(State.PARTIAL if kept else State.STOPPED, kept)
        return Outcome(State.DONE, task.output or task.jsonl, " ".join(warnings))

    def _teller(self, task: Task) -> Callable[[Progress], None]:
        kind, began_s, last_s = has_picture_suffix(task.source), time.monotonic(), 0.0

        def tell(progress: Progress) -> None:
            nonlocal began_s, last_s
            now_s = time.monotonic()
            if progress.frame == 1 and not kind:
                began_s = now_s  # to open a video takes its time once, not for every frame
            if now_s - last_s < TELL_EVERY_S and progress.frame != progress.frame_count:
                return
            last_s = now_s
            efforts = self._efforts | {kind: self._effort(kind, progress.frame, began_s)}
            self.progressed.emit(Step(progress.frame, progress.frame_count, efforts[True], efforts[False]))

        return tell


def plan_tasks(sources: Sequence[Path], folder: Path | None, media: bool, jsonl: bool) -> list[Task]:
    """Choose names for the results that no file has yet: `NAME-annotated.mp4` beside the source or in the folder."""
    taken: set[Path] = set()
    tasks = []
    for source in sources:
        output = annotated_name(source, folder)
        lines = output.with_name(f"{source.stem}-hands.jsonl")
        tasks.append(Task(source, _free(output, taken) if media else None, _free(lines, taken) if jsonl else None))
    return tasks


def _free(path: Path, taken: set[Path]) -> Path:
    def is_taken(path: Path) -> bool:
        return path in taken or lexists(path) or lexists(kept_name(path))

    free = first_free(path.parent, path.stem, path.suffix, is_taken)
    taken.add(free)
    return free


def _kept(task: Task) -> Path | None:
    """What there is of an incomplete result."""
    kept = [kept_name(path) for path in (task.output, task.jsonl) if path is not None]
    return next((path for path in kept if lexists(path)), None)


def _frame_count(source: Path) -> int:
    """As announced; 0 where that is not known or the file cannot be used, which is told when its turn comes."""
    if has_picture_suffix(source):
        return 1
    from gesture_app.video.sources import open_video

    try:
        with open_video(source) as video:
            return video.frame_count or 0
    except GestureError:
        return 0
