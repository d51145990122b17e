"""What the user has chosen, kept in one JSON file."""

from __future__ import annotations

import json
import os
from contextlib import suppress
from dataclasses import asdict, dataclass, field, fields, is_dataclass, replace
from pathlib import Path
from typing import Any, Literal, TypeVar, get_args, get_origin, get_type_hints

from platformdirs import user_config_path, user_videos_path

from gesture_app.errors import EnvironmentFault
from gesture_app.video.addresses import source_kind
from gesture_app.vision.atomic import write_atomically
from gesture_app.vision.hands import SMOOTHING_S, RecognizerOptions
from gesture_app.vision.model_info import DeviceName, RuntimeName
from gesture_app.vision.style import OverlayStyle

APP = "gesture-app"
MOST_RECENT = 10
LONGEST_SMOOTHING_S = 2.0
LARGEST_CAMERA_PX = 8192

PictureMode = Literal["fit", "fill", "actual"]
Theme = Literal["system", "light", "dark"]

Group = TypeVar("Group")


def config_folder() -> Path:
    """Where settings are kept: GESTURE_APP_CONFIG_DIR, else the system's place for them."""
    given = os.environ.get("GESTURE_APP_CONFIG_DIR")
    return Path(given) if given else user_config_path(APP, appauthor=False)


def settings_path() -> Path:
    """The file that `Settings.load` and `Settings.save` are meant for."""
    return config_folder() / "settings.json"


@dataclass(frozen=True)
class Settings:
    """Everything the window remembers.

    Attributes:
        weights: folder of the models; empty for those that come with the program.
        device: where the networks run.
        runtime: what runs them.
        detector_threshold: least detector score of a hand, 0..1.
        label_threshold: least probability of a gesture, 0..1.
        max_hands: most hands in a picture, 1..100.
        smoothing_s: time constant of the smoothing of probabilities, 0..2 seconds.
        hidden_labels: names of gestures that are treated as if they were not there.
        mirror_cameras: whether cameras show a mirror.
        mirror_files: whether everything else does.
        brighten: whether dark pictures are shown lighter, but for those of the screen.
        picture_mode: whole picture, whole window, or a pixel for a pixel.
        overlay: what is drawn besides the boxes.
        blur: whether everything but the hands is blurred, in recordings too.
        sounds: whether a gesture makes a sound.
        last_source: number of a camera, path or address; empty before the first.
        recent_sources: files and addresses, the newest first.
        camera_size_wh: what is asked of a camera; None leaves it to the camera.
        record_folder: for recordings and snapshots; empty for the system's folder of videos.
        record_clean: whether recordings leave out what is drawn.
        theme: colours of the window.
        welcome_seen: whether the first-run page was closed.

    Raises:
        ValueError: a value is out of range; the message names it.
    """

    weights: str = ""
    device: DeviceName = "auto"
    runtime: RuntimeName = "auto"
    detector_threshold: float = RecognizerOptions.detector_threshold
    label_threshold: float = RecognizerOptions.label_threshold
    max_hands: int = RecognizerOptions.max_hands
    smoothing_s: float = SMOOTHING_S
    hidden_labels: tuple[str, ...] = ()
    mirror_cameras: bool = True
    mirror_files: bool = False
    brighten: bool = True
    picture_mode: PictureMode = "fit"
    overlay: OverlayStyle = field(default_factory=OverlayStyle)
    blur: bool = False
    sounds: bool = False
    last_source: str = ""
    recent_sources: tuple[str, ...] = ()
    camera_size_wh: tuple[int, int] | None = None
    record_folder: str = ""
    record_clean: bool = False
    theme: Theme = "system"
    welcome_seen: bool = False

    def __post_init__(self) -> None:
        self.options()
        if not 0 <= self.smoothing_s <= LONGEST_SMOOTHING_S:
            raise ValueError(f"smoothing_s {self.smoothing_s} is not within 0..{LONGEST_SMOOTHING_S:.0f}")
        if len(self.recent_sources) > MOST_RECENT:
            raise ValueError(f"recent_sources are more than {MOST_RECENT}")
        if self.camera_size_wh is not None and not all(1 <= side <= LARGEST_CAMERA_PX for side in self.camera_size_wh):
            raise ValueError(f"camera_size_wh {self.camera_size_wh} is not within 1..{LARGEST_CAMERA_PX}")

    @classmethod
    def load(cls, path: Path, set_aside: bool = True) -> tuple[Settings, str | None]:
        """Read a settings file.

        Args:
            set_aside: whether a file that makes no sense gets the name `NAME.broken`.

        Returns:
            The settings and None; or the defaults and one line that says what is wrong with the file. A file that is
            not there is no fault.
        """
        try:
            return _build(cls, json.loads(path.read_bytes()), ""), None
        except FileNotFoundError:
            return cls(), None
        except OSError as error:
            return cls(), f"settings: {path}: {error.strerror}. The usual settings are used"
        except (ValueError, OverflowError, RecursionError) as error:
            reason = "not JSON" if isinstance(error, (json.JSONDecodeError, UnicodeDecodeError)) else str(error)
            warning = f"settings: {path}: {reason}. The usual settings are used"
            if set_aside:
                aside = path.with_name(f"{path.name}.broken")
                with suppress(OSError):
                    path.replace(aside)
                    warning += f", yours are kept in {aside.name}"
            return cls(), warning

    def save(self, path: Path) -> None:
        """Write the file so that at every moment the old or the new one is whole; only its owner can read it.

        Raises:
            EnvironmentFault: it cannot be written.
        """
        data = (json.dumps(asdict(self), indent=2) + "\n").encode()
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            write_atomically(path, data, mode=0o600)
        except OSError as error:
            raise EnvironmentFault(f"settings: {path}: {error.strerror}. Check the folder") from error

    def options(self) -> RecognizerOptions:
        """The thresholds as the recognizer takes them."""
        return RecognizerOptions(self.detector_threshold, self.label_threshold, self.max_hands)

    def recordings(self) -> Path:
        """The folder for recordings and snapshots; it may not exist yet."""
        return Path(self.record_folder) if self.record_folder else user_videos_path() / "Gesture App"

    def with_source(self, source: str) -> Settings:
        """The same with this source as the last one; all but cameras also become the newest of the recent ones."""
        if source_kind(source) == "camera":
            return replace(self, last_source=source)
        others = [recent for recent in self.recent_sources if recent != source]
        return replace(self, last_source=source, recent_sources=(source, *others)[:MOST_RECENT])

    def without_source(self, source: str) -> Settings:
        """The same with another source than this to begin with and to offer."""
        last = "" if self.last_source == source else self.last_source
        return replace(self, last_source=last, recent_sources=tuple(s for s in self.recent_sources if s != source))


def _build(kind: type[Group], values: Any, name: str) -> Group:
    """A dataclass from a JSON object; keys that are missing keep their default."""
    if not isinstance(values, dict):
        raise ValueError(f"{name or 'the file'} is not an object")
    types = get_type_hints(kind)
    known = {field.name for field in fields(kind)}  # type: ignore[arg-type]
    if unknown := sorted(set(values) - known):
        raise ValueError(f"unknown key {unknown[0]!r}")
    return kind(**{key: _convert(types[key], value, key) for key, value in values.items()})


def _convert(kind: Any, value: Any, name: str) -> Any:
    """A JSON value as the type of its field: bool, int, float, str, a choice, a tuple, None, or a dataclass."""
    if is_dataclass(kind):
        return _build(kind, value, name)  # type: ignore[arg-type]
    origin, arguments = get_origin(kind), get_args(kind)
    if origin is Literal:
        if value in arguments and isinstance(value, str):
            return value
        raise ValueError(f"{name} {value!r} is not one of {', '.join(arguments)}")
    if type(None) in arguments:
        return None if value is None else _convert(arguments[0], value, name)
    if origin is tuple:
        if isinstance(value, list) and (arguments[-1] is ... or len(value) == len(arguments)):
            return tuple(_convert(arguments[0], item, name) for item in value)
    elif kind is float and type(value) is int:
        return float(value)
    elif type(value) is kind:
        return value
    raise ValueError(f"{name} is {value!r}, which it cannot be")
