"""Sources with a beginning and an end, which can be sought: video files, pictures and folders of pictures."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from gesture_app.errors import InputError
from gesture_app.video.files import open_video
from gesture_app.video.packets import RESTART_S
from gesture_app.vision.atomic import is_folder
from gesture_app.vision.hands import Frame
from gesture_app.vision.images import is_picture, read_image, unread_kinds

PICTURE_S = 3.0


@dataclass(frozen=True)
class Clip:
    """What is known of a source that can be sought.

    Attributes:
        duration_s: None where the file does not tell, until its end was met.
        frame_s: about how long a frame is shown.
        pictures: how many pictures there are; None for a video.
    """

    duration_s: float | None
    frame_s: float
    pictures: int | None = None

    @property
    def still(self) -> bool:
        """Whether it is one picture, of which there is nothing to play."""
        return self.pictures == 1


class FileSource:
    """A video file; `Frame.time_s` is the time in the file."""

    def __init__(self, path: Path) -> None:
        self.name = str(path)
        self.notes: list[str] = []
        self._noted = False
        self._path = path
        self._video = open_video(path)
        if self._video.annotated:
            self.notes.append(f"video: {path}: shows boxes and names already, and they are drawn once more")
        self.clip = Clip(self._video.duration_s, float(1 / self._video.frame_rate))

    def read(self) -> Frame | None:
        """The next frame, at once; None at the end."""
        frame = next(self._video, None)
        if frame is None:
            self._note_early_end()
            self._learn_end()
        return frame

    def read_at(self, time_s: float, wanted: Callable[[], bool] = lambda: True) -> Frame | None:
        """The frame that is shown at this time; `read` goes on after it.

        Without an index to trust all is decoded from the start, and None is given once `wanted` gives False.
        """
        frame = self._video.frame_at(time_s, wanted)
        if frame is None and wanted():
            self._video.close()
            self._video = open_video(self._path)
            frame = self._video.skip_to(time_s, wanted)
        return frame

    def release(self) -> None:
        """Close the file."""
        self._video.close()

    def _learn_end(self) -> None:
        """Browsers' recordings and raw streams tell no duration, joined files that of the first or one of a day."""
        end_s, told_s = self._video.end_s, self.clip.duration_s
        if told_s is None or told_s + self.clip.frame_s < end_s or told_s > end_s + RESTART_S:
            self.clip = replace(self.clip, duration_s=end_s)

    def _note_early_end(self) -> None:
        if self._video.ends_early and not self._noted:
            self._noted = True
            share = f"{self._video.end_s:.1f} of {self._video.duration_s:.1f} s"
            self.notes.append(
                f"video: {self._path}: ends after {share}: it seems to be cut off or damaged. Copy it again"
            )


class PictureSource:
    """A picture, or the pictures of a folder in the order of their names, three seconds each.

    A picture of a folder that cannot be read is left out, and told once; so `Frame.index`, its number, may jump.

    Raises:
        InputError: the picture cannot be read, or the folder holds none that can.
    """

    def __init__(self, path: Path) -> None:
        self.name = str(path)
        self.notes: list[str] = []
        self._left_out: set[int] = set()
        self._is_folder = is_folder(path)
        self._paths = pictures_in(path) if self._is_folder else [path]
        self.clip = Clip(len(self._paths) * PICTURE_S, PICTURE_S, len(self._paths))
        self._next = 0
        self._first: Frame | None = None
        self._first = self.read()
        if self._first is None:
            raise InputError(f"folder: {path}: holds no picture that can be read. Give another folder")

    def read(self) -> Frame | None:
        """The next picture, at once; None after the last."""
        frame, self._first = self._first, None
        while frame is None and self._next < len(self._paths):
            frame = self._picture(self._next)
            self._next += 1
        return frame

    def read_at(self, time_s: float, wanted: Callable[[], bool] = lambda: True) -> Frame | None:
        """The picture that is shown at this time, or before it where that cannot be read; `read` goes on after it."""
        self._first = None
        shown = min(max(0, int(time_s // PICTURE_S)), len(self._paths) - 1)
        for index in range(shown, -1, -1):
            if (frame := self._picture(index)) is not None:
                self._next = index + 1
                return frame
        self._next = shown + 1
        return self.read()

    def release(self) -> None:
        """Nothing is open."""

    def _picture(self, index: int) -> Frame | None:
        path = self._paths[index]
        name = path.name if self._is_folder else ""
        try:
            return Frame(read_image(path), index, index * PICTURE_S, still=True, name=name)
        except InputError as error:
            if not self._is_folder:
                raise
            if index not in self._left_out:
                self._left_out.add(index)
                self.notes.append(f"{error}. It is left out")
            return None


def pictures_in(folder: Path) -> list[Path]:
    """The pictures that lie in a folder, without hidden ones, in the order of their names.

    Raises:
        InputError: the folder cannot be read, or holds no picture.
    """
    try:
        paths = list(folder.iterdir())
    except OSError as error:
        raise InputError(f"folder: {folder}: {error.strerror}. Check its permissions") from error
    if found := sorted(filter(is_picture, paths)):
        return found
    if kinds := unread_kinds(paths):
        raise InputError(f"folder: {folder}: photographs in {kinds} are not read. Save them as JPEG")
    raise InputError(f"folder: {folder}: holds no picture. Give another folder")
