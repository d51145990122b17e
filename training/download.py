"""Download published data: resumable, checked, and unpacked safely.

    gesture-train download hagrid-sample-30k-384p --to data
    gesture-train download hagrid-v2 --gestures fist palm --to data
    gesture-train download makehuman

Ctrl-C at any time: the same command continues.
"""

from __future__ import annotations

import hashlib
import re
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path, PurePosixPath
from urllib.parse import urlsplit

import tyro
from tqdm import tqdm

from gesture_app.errors import EnvironmentFault, InputError
from gesture_app.vision.assets import cache_folder
from gesture_app.vision.atomic import write_file
from training.archives import unpack
from training.published import HUB_SETS, MAKEHUMAN, RemoteFile, SetName, hagrid_files, makehuman_files
from training.transfer import TIMEOUT_S, fetch, require_space


@dataclass(frozen=True)
class DownloadConfig:
    """Download a published data set; the same command continues what was interrupted.

    hagrid-sample-30k-384p: 31,833 HaGRID frames, short side 384 px. -120k-, -250k-: more of them; -500k-: all
    509,323 training frames, 13.4 GB.

    hagrid-classification-512p-no-gesture-150k: 153,735 hand crops in class folders, 3.8 GB.

    hagrid-v1-subsample: 100 frames a gesture in full size, 2.5 GB. hagrid-v1: all for training, 18 archives of about
    39 GB. hagrid-v1-test: 60 GB.

    hagrid-v2: HaGRIDv2 in full size, 34 archives of up to 63 GB. hagrid-v2-512: all of it, short side 512 px, 119 GB.

    makehuman: MakeHuman's base mesh, rig and targets for rendering hands, 19 MB, CC0.
    """

    name: tyro.conf.Positional[SetName]
    """The set."""
    to: Path | None = None
    """Folder of downloads, in which a set gets a folder of its own: `data`; for makehuman the user's cache folder."""
    gestures: tuple[str, ...] = ()
    """hagrid-v1 and hagrid-v2: only the archives of these gestures."""
    mirror: str | None = None
    """Another address of the same files; for makehuman also a zip of them on this machine."""
    keep_archives: bool = False
    """Keep archives after unpacking."""


def makehuman_folder() -> Path:
    """Where `download makehuman` puts the body, and the renderer looks for it."""
    return cache_folder() / "makehuman"


def download(config: DownloadConfig) -> Path:
    """Download and unpack a set; what is there already is left as it is.

    Returns:
        The folder of the set.

    Raises:
        InputError: a file is not what was published, an archive is unsafe, or an option does not fit the set.
        EnvironmentFault: no network, no such file there, or too little disk space.
    """
    if config.gestures and config.name in (*HUB_SETS, "makehuman"):
        raise InputError(f"{config.name} has no archive a gesture: leave --gestures out")
    if config.name == "makehuman":
        folder = config.to or makehuman_folder()
        local = Path(config.mirror) if config.mirror and not urlsplit(config.mirror).netloc else None
        if local is not None:
            copy_makehuman(local, folder)
        else:
            fetch_all(makehuman_files(config.mirror or MAKEHUMAN), folder, config.keep_archives)
        return folder
    to = config.to or Path("data")
    if config.name in HUB_SETS:
        return download_hub_set(config.name, to, config.mirror, config.keep_archives)
    fetch_all(hagrid_files(config.name, config.gestures, config.mirror), to, config.keep_archives)
    return to / config.name


def fetch_all(files: list[RemoteFile], folder: Path, keep_archives: bool = False) -> None:
    """Download files below a folder and unpack the archives among them; a finished archive leaves a `.done` file."""
    known = sum(file.size or 0 for file in files if not (folder / file.path).exists())
    require_space(folder, known, "the files")
    for file in tqdm(files, desc="files", unit="file", disable=len(files) < 2 or None):
        target = folder / file.path
        if file.unpack_to is None:
            fetch(file, target)
        else:
            unpack_once(target, folder / file.unpack_to, partial(fetch, file, target), keep_archives)


def done_mark(archive: Path) -> Path:
    """The file that says that an archive was unpacked."""
    return archive.with_name(f".{archive.name}.done")


def unpack_once(archive: Path, folder: Path, get: Callable[[], object], keep_archive: bool) -> None:
    """Get an archive and unpack it, unless a `.done` file says that this was done."""
    done = done_mark(archive)
    if done.exists():
        print(f"{archive.name}: already there")
        return
    get()
    unpack(archive, folder)
    done.touch()
    if not keep_archive:
        archive.unlink()


def copy_makehuman(source: Path, folder: Path) -> None:
    """Take MakeHuman's files from a zip or a folder of them, each checked.

    Raises:
        InputError: the source lacks a file, or holds another one.
        EnvironmentFault: the folder cannot be written.
    """
    for file in makehuman_files():
        target = folder / file.path
        try:
            if source.is_dir():
                data = (source / file.path).read_bytes()
            else:
                with zipfile.ZipFile(source) as archive:
                    data = archive.read(str(file.path))
        except (OSError, KeyError, zipfile.BadZipFile) as error:
            raise InputError(f"cannot take {file.path} from {source}: {error}") from error
        if hashlib.sha256(data).hexdigest() != file.sha256:
            raise InputError(f"cannot take {file.path} from {source}: it is not the published file (sha256)")
        write_file(target, data, "MakeHuman's files")


def download_hub_set(name: str, to: Path, endpoint: str | None, keep_archive: bool) -> Path:
    """Download `<name>.zip` from its repository on the hub and unpack it.

    Raises:
        InputError: the archive is not the published one, or unsafe.
        EnvironmentFault: no network, no such file there, or too little disk space.
    """
    archive = to / f"{name}.zip"
    if done_mark(archive).exists() and not (to / name).exists():  # it was deleted to be had anew
        done_mark(archive).unlink()
    unpack_once(archive, to, partial(fetch_from_hub, HUB_SETS[name], archive, endpoint), keep_archive)
    return to / name


def fetch_from_hub(repository: str, archive: Path, endpoint: str | None) -> None:
    """Download one file of a data set's repository on the hub to `archive`.

    The hub's client tells the address, the size and the sha256; its own downloads no longer
    resume (huggingface/huggingface_hub pull request 4228).
    """
    from huggingface_hub import get_hf_file_metadata, hf_hub_url

    try:
        url = hf_hub_url(repository, archive.name, repo_type="dataset", endpoint=endpoint)
        published = get_hf_file_metadata(url, timeout=TIMEOUT_S, endpoint=endpoint)
    except Exception as error:  # the client's network errors had another base class in every major release
        reason = str(error).strip().splitlines()[0][:200]
        raise EnvironmentFault(
            f"cannot download {archive.name} from {repository}: {reason}. What has come is kept; the same command "
            "continues"
        ) from error
    sha256 = published.etag if re.fullmatch(r"[0-9a-f]{64}", published.etag or "") else None
    name = PurePosixPath(archive.name)
    fetch(RemoteFile(url, name, published.size, sha256, unpack_to=name.parent), archive)
