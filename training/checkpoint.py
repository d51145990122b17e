"""What is written down of a run: everything that continuing it needs, and how its weights came to be."""

from __future__ import annotations

import datetime
import hashlib
import io
import json
import os
import platform
import shlex
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from importlib.metadata import version
from itertools import count
from pathlib import Path
from typing import Any

import torch

from gesture_app.errors import EnvironmentFault, InputError
from gesture_app.vision.atomic import write_atomically, write_file
from training.collection import Picture

FORMAT = 1
CHECKPOINTS = ("last.pt", "previous.pt")
Found = tuple[list[Picture], list[str]]
"""Pictures with the hands that were found in them, and what is to be said of that."""


def provenance(start: str, epoch: int, data: Sequence[Path], pictures: Sequence[Picture]) -> dict[str, Any]:
    """How weights came to be: command as typed, training pictures a folder, where it started, versions, date (UTC).

    Folders have the last two parts of their paths, or as many as tell them apart.
    """
    roots = list(dict.fromkeys(data))
    tails = [next(n for n in count(2) if sum(r.parts[-n:] == root.parts[-n:] for r in roots) == 1) for root in roots]
    return {
        "command": shlex.join(["gesture-train", *sys.argv[1:]]),
        "data": {
            "/".join(root.parts[-tail:]): sum(p.path.is_relative_to(root) for p in pictures)
            for root, tail in zip(roots, tails, strict=True)
        },
        "started": start.partition(":")[0],
        "epoch": epoch,
        "date": datetime.datetime.now(datetime.timezone.utc).date().isoformat(),
        "versions": {
            "python": platform.python_version(),
            "torch": torch.__version__,
            **{name: version(name) for name in ("gesture-app", "torchvision", "timm")},
        },
    }


def plain(value: Any) -> Any:
    """Options as data that a checkpoint can hold and a resume can compare: no classes, no paths, no tuples."""
    if isinstance(value, dict):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    return str(value) if isinstance(value, Path) else value


def random_state() -> dict[str, Any]:
    """The state of PyTorch's generators in this process: all that a training draws from and does not seed itself."""
    cuda = torch.cuda.get_rng_state_all() if torch.cuda.is_available() else []
    return {"torch": torch.get_rng_state(), "cuda": cuda}


def set_random_state(state: dict[str, Any]) -> None:
    """Go on with the random numbers where `random_state` was taken."""
    torch.set_rng_state(state["torch"])
    if torch.cuda.is_available() and len(state["cuda"]) == torch.cuda.device_count():
        torch.cuda.set_rng_state_all(state["cuda"])


@dataclass(frozen=True)
class RunFolder:
    """The folder of a run, beside its weights: the last two checkpoints, the figures of every epoch, the curves.

    Attributes:
        output: the best weights, `NAME.safetensors`; the folder is `NAME`.
    """

    output: Path

    @property
    def path(self) -> Path:
        """The folder; it is there after `save`."""
        return self.output.with_suffix("")

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Keep other processes of this machine from using the folder; the system lets go of it after a crash, too.

        Raises:
            InputError: one uses it.
            EnvironmentFault: it cannot be made.
        """
        if sys.platform == "win32":
            self._sweep()
            yield
            return
        import fcntl

        try:
            self.path.mkdir(parents=True, exist_ok=True)
            handle = os.open(self.path, os.O_RDONLY)
        except OSError as error:
            raise EnvironmentFault(
                f"cannot save the run: {self.path}: {error.strerror}. Choose another place"
            ) from error
        try:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                why = "another training is writing it. Wait for that, or name another --output"
                raise InputError(f"{self.path}: {why}") from None
            except OSError:  # some disks of a network know no locks
                pass
            self._sweep()
            yield
        finally:
            os.close(handle)
            with suppress(OSError):  # what was refused leaves no empty folder
                self.path.rmdir()

    def _sweep(self) -> None:
        """Remove what a crash left half written."""
        for stale in self.path.glob(".*.tmp"):
            stale.unlink(missing_ok=True)

    def save(self, state: dict[str, Any]) -> None:
        """Write a checkpoint; the one before it is kept, and at every moment there is a whole one.

        Raises:
            EnvironmentFault: it cannot be written; the checkpoints that are there stay as they are.
        """
        content = io.BytesIO()
        torch.save({"format": FORMAT, **state}, content)
        new, last, previous = (self.path / name for name in ("new.pt", *CHECKPOINTS))
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            write_atomically(new, content.getvalue())
            if last.exists():
                last.replace(previous)
            new.replace(last)
        except OSError as error:
            new.unlink(missing_ok=True)
            raise EnvironmentFault(
                f"cannot save the run: {self.path}: {error.strerror}. Make room, and go on from the checkpoint before"
            ) from error

    def forget(self) -> None:
        """Remove the checkpoints, so that the run begins anew."""
        for name in CHECKPOINTS:
            (self.path / name).unlink(missing_ok=True)

    def load(self) -> dict[str, Any] | None:
        """The newest checkpoint that is whole; None where there is none.

        A damaged one is told on the standard error and passed over. Nothing in the file is run.
        """
        for name in CHECKPOINTS:
            file = self.path / name
            if not file.is_file():
                continue
            try:
                state = torch.load(file, map_location="cpu", weights_only=True)
                if isinstance(state, dict) and state.get("format") == FORMAT:
                    return state
                reason = "not a checkpoint of this program"
            except Exception as error:  # torch.load raises anything from KeyError to UnpicklingError
                reason = f"damaged ({type(error).__name__})"
            print(f"warning: {file}: {reason}; the one before it is used", file=sys.stderr)
        return None


def fingerprint(pictures: Iterable[Picture]) -> str:
    """Tells other pictures, labels, boxes or splits from those that a run was begun with, wherever they lie."""
    digest = hashlib.sha256()
    for p in pictures:
        bytes_ = p.path.stat().st_size if p.path.is_file() else 0
        digest.update(repr((p.key or p.path.name, bytes_, p.labels, p.boxes_xywh, p.sides, p.split)).encode())
    return digest.hexdigest()[:12]


def found_once(folder: Path, source: Sequence[str], find: Callable[[], Found]) -> Found:
    """What `find` gives, or what it gave before, which `hands.json` in the folder keeps.

    It takes minutes, and on another number of threads the last digits of its boxes differ: a run that was broken off
    would see other pictures than it was begun with.

    Args:
        source: of what `find` looks at, all that may change; it is found anew where that has.

    Raises:
        EnvironmentFault: the file cannot be written.
    """
    file = folder / "hands.json"
    with suppress(OSError, ValueError, KeyError, TypeError):
        kept = json.loads(file.read_text(encoding="utf-8"))
        pictures = [picture_of(fields) for fields in kept["pictures"]]
        if kept["source"] == [*source] and all(picture.path.is_file() for picture in pictures):
            return pictures, kept["notes"]
    pictures, notes = find()
    content = {"source": source, "notes": notes, "pictures": [asdict(picture) for picture in pictures]}
    write_file(file, json.dumps(content, default=str).encode(), "the hands that were found")
    return pictures, notes


def picture_of(fields: dict[str, Any]) -> Picture:
    """A picture of its fields as JSON has them."""
    lists = {name: tuple(fields[name]) for name in ("labels", "sides")}
    boxes = tuple(map(tuple, fields["boxes_xywh"]))
    return Picture(**{**fields, **lists, "path": Path(fields["path"]), "boxes_xywh": boxes})
