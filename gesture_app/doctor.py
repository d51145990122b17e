"""Looks whether everything is here that the program needs, and says how to mend what is wrong."""

from __future__ import annotations

import importlib.util
import json
import os
import platform
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib import metadata
from itertools import islice
from pathlib import Path
from typing import Any, Literal

from gesture_app import __version__
from gesture_app.errors import GestureError, one_line, split_message
from gesture_app.python_process import python_arguments
from gesture_app.settings import APP, Settings, config_folder, settings_path
from gesture_app.vision.assets import cache_folder, demo_clip
from gesture_app.vision.atomic import is_folder

PROBE_TIMEOUT_S = 30.0
CAMERA_TIMEOUT_S = 4.0
LITTLE_SPACE_BYTES = 1_000_000_000
FRAMES, EVERY = 5, 37
"""So many frames of the demo clip are looked at, one in so many: they show some of the gestures."""
SOUND_PACKAGES = {
    "libpulse.so.0": "it: apt install libpulse0",
    "libgssapi_krb5.so.2": "it: apt install libgssapi-krb5-2",
}

State = Literal["good", "note", "bad"]


@dataclass(frozen=True)
class Finding:
    """One line of the page.

    Attributes:
        topic: what was looked at.
        state: `note` is something that is missing, but that most people do without.
        text: what was found.
        mend: what to do; empty where nothing needs to be.
    """

    topic: str
    state: State
    text: str
    mend: str = ""


def examine(weights: Path | None = None, camera_in_use: str = "") -> Iterator[Finding]:
    """Look at everything, one after the other; it takes some seconds.

    Args:
        weights: folder of the networks; unless given those of the settings, else what `annotate` takes.
        camera_in_use: number of the camera that this program plays now, which is then not opened.
    """
    from gesture_app.vision.model_folders import default_weights

    settings, warning = Settings.load(settings_path(), set_aside=False)
    folder = weights or (Path(settings.weights) if settings.weights else default_weights())
    found: dict[str, Any] = {}

    def display() -> Iterator[Finding]:
        found.update(run_probe())
        yield from display_findings(found)

    parts: list[tuple[str, Callable[[], Iterator[Finding]]]] = [
        ("program", program_findings),
        ("display", display),
        ("cameras", lambda: camera_findings(found.get("cameras"), camera_in_use)),
        ("CUDA", cuda_findings),
        ("runtimes", runtime_findings),
        ("weights", lambda: weights_findings(folder)),
        ("engine", lambda: engine_findings(folder)),
        ("codecs", codec_findings),
        ("settings", lambda: settings_findings(warning)),
        ("folders", lambda: folder_findings(settings)),
    ]
    for topic, look in parts:
        try:
            yield from look()
        except GestureError as error:
            what, mend = split_message(one_line(error))
            yield Finding(topic, "bad", what.removeprefix(f"{topic}: "), mend)
        except Exception as error:  # whatever a broken library raises is what is looked for here
            yield Finding(topic, "bad", one_line(f"{type(error).__name__}: {error}"), "Install the program again")


def program_findings() -> Iterator[Finding]:
    """Versions and the machine."""
    from gesture_app.vision.runtimes import usable_cores

    cores = usable_cores()
    machine = f"{platform.system()} {platform.release()}, {platform.machine()}, {cores} CPU cores"
    yield Finding("program", "good", f"{APP} {__version__}, Python {platform.python_version()}, {machine}")


def run_probe() -> dict[str, Any]:
    """What `gesture_app.ui.probe` tells, with a `fault` where it did not come to an end."""
    code = "import runpy; runpy.run_module('gesture_app.ui.probe', run_name='__main__')"
    command = [sys.executable, *python_arguments(code)]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=PROBE_TIMEOUT_S, check=False)
        told: dict[str, Any] = json.loads(done.stdout.strip().splitlines()[-1])
    except subprocess.TimeoutExpired:
        return {"fault": "display: Qt does not start within 30 s. Check the display"}
    except (ValueError, IndexError):
        lines = done.stderr.strip().splitlines() or [f"exit code {done.returncode}"]
        return {"fault": f"display: Qt cannot start: {lines[0]}. Install its system libraries, see the README"}
    return told


def display_findings(probe: dict[str, Any]) -> Iterator[Finding]:
    """Whether a window can be shown, and whether cameras have names and events a sound."""
    if probe["fault"]:
        what, mend = split_message(str(probe["fault"]))
        yield Finding("display", "note", what.removeprefix("display: "), mend)
    else:
        yield Finding("display", "good", f"Qt {probe['qt']} on {probe['platform']}: {', '.join(probe['screens'])}")
    if probe.get("multimedia"):
        found = re.search(r"lib[\w.+-]+", probe["multimedia"])
        library = found[0] if found else ""
        why = f"{library} is missing" if library else f"QtMultimedia cannot be loaded ({probe['multimedia']})"
        package = SOUND_PACKAGES.get(library, "the system package that holds it")
        mend = f"Install {package}" if library else "Install PyQt6 again"
        yield Finding("sound", "note", f"no sounds: {why}", mend)


def camera_findings(cameras: list[tuple[str, str]] | None, in_use: str) -> Iterator[Finding]:
    """Every camera, opened for a moment; without a list from Qt, those that Linux has as files."""
    if cameras is None:
        numbers = sorted(int(p.name[5:]) for p in Path("/dev").glob("video*") if p.name[5:].isdigit())
        cameras = [(f"camera {number}", str(number)) for number in numbers]
    if not cameras:
        mend = "Connect one, or use videos and streams; in a virtual machine or a container, pass it through"
        yield Finding("cameras", "note", "none found", mend)
    for name, source in cameras:
        if source == in_use:
            yield Finding("cameras", "good", f"{name}: in use by this window")
        else:
            yield _camera(name, source)


def _camera(name: str, source: str) -> Finding:
    from gesture_app.video.sources import open_live

    try:
        camera = open_live(source)
    except GestureError as error:
        what, mend = split_message(str(error).removeprefix(f"camera: {source}: "))
        return Finding("cameras", "bad", f"{name}: {what}", mend)
    try:
        deadline_s = time.monotonic() + CAMERA_TIMEOUT_S
        while time.monotonic() < deadline_s:
            if (frame := camera.read()) is not None:
                height, width = frame.image.shape[:2]
                return Finding("cameras", "good", f"{name}: gives pictures of {width}x{height}")
    finally:
        camera.release()
    mend = "Close other programs that use it, connect it again, or try another USB socket"
    return Finding("cameras", "bad", f"{name}: opens, but gives no picture", mend)


def cuda_findings() -> Iterator[Finding]:
    """The GPUs that PyTorch can use, or why it can use none."""
    import torch

    if torch.cuda.is_available():
        for number in range(torch.cuda.device_count()):
            device = torch.cuda.get_device_properties(number)
            text = f"{device.name}, {device.total_memory / 2**30:.0f} GiB, compute {device.major}.{device.minor}"
            yield Finding("CUDA", "good", f"{text}, CUDA {torch.version.cuda}")
    elif shutil.which("nvidia-smi") is None and not Path("/proc/driver/nvidia").exists():
        yield Finding("CUDA", "good", "no NVIDIA GPU: the networks run on the CPU")
    elif torch.version.cuda is None:
        mend = "Install PyTorch's build for CUDA in place of the one for CPUs"
        yield Finding("CUDA", "note", "there is an NVIDIA driver, but this PyTorch is built for CPUs", mend)
    else:
        text = f"there is an NVIDIA driver, but PyTorch cannot use it with CUDA {torch.version.cuda}"
        yield Finding("CUDA", "note", text, "Update the driver; `nvidia-smi` tells which CUDA it supports")


def runtime_findings() -> Iterator[Finding]:
    """What can run the networks."""
    import torch

    yield Finding("runtimes", "good", f"PyTorch {torch.__version__}, {torch.get_num_threads()} threads")
    try:
        from gesture_app.vision.openvino_runtime import openvino_core

        core = openvino_core()
        abilities = ", ".join(core.get_property("CPU", "OPTIMIZATION_CAPABILITIES"))
        version = metadata.version("openvino")
        yield Finding("runtimes", "good", f"OpenVINO {version} on {', '.join(core.available_devices)} ({abilities})")
    except (ImportError, RuntimeError) as error:
        mend = "pip install openvino; until then PyTorch runs the networks, at about half the speed"
        yield Finding("runtimes", "note", f"OpenVINO cannot be loaded: {one_line(error)}", mend)
    if importlib.util.find_spec("onnxruntime") is not None:
        from gesture_app.vision.onnx_runtime import import_onnxruntime

        yield Finding("runtimes", "good", f"ONNX Runtime {import_onnxruntime().__version__}")


def weights_findings(folder: Path) -> Iterator[Finding]:
    """Whether both networks can be loaded and are what their info files say."""
    from gesture_app.vision.model_folders import weights_path
    from gesture_app.vision.model_info import KINDS, load_model

    if not is_folder(folder):
        mend = "Choose another model in the window's settings, or give another --weights"
        yield Finding("weights", "bad", f"{folder}: no such folder", mend)
        return
    for kind in KINDS:
        path = weights_path(folder, kind)
        _, info = load_model(path, kind)
        size = f"{path.stat().st_size / 1e6:.0f} MB"
        shape = "x".join(str(side) for side in info.input_hw)
        classes = f"{len(info.labels)} class" + "es" * (len(info.labels) > 1)
        text = f"{info.architecture} at {shape}, {classes}, {size}, sha256 {info.sha256[:12]} is right"
        yield Finding("weights", "good", f"{path}: {text}")
        yield from eight_bit_findings(path, info.sha256)


def eight_bit_findings(weights: Path, sha256: str) -> Iterator[Finding]:
    """Whether the eight-bit form beside some weights, if there is one, belongs to them."""
    from gesture_app.vision.model_folders import quantization_path
    from gesture_app.vision.quantization import load_quantization

    path = quantization_path(weights)
    mend = "Make it anew with `gesture-train quantize`; until then the network runs without it, at about half the speed"
    try:
        made_for = load_quantization(path).weights_sha256
    except FileNotFoundError:
        return
    except (OSError, ValueError) as error:
        yield Finding("weights", "note", f"{path} cannot be used: {one_line(error)}", mend)
        return
    if made_for == sha256:
        yield Finding("weights", "good", f"{path}: eight bits, for these weights")
    else:
        yield Finding("weights", "note", f"{path} was made for other weights", mend)


def engine_findings(folder: Path) -> Iterator[Finding]:
    """The whole way, on some frames of the demo clip."""
    from gesture_app.video.sources import open_video
    from gesture_app.vision.labels import NO_GESTURE
    from gesture_app.vision.recognizer import Recognizer
    from gesture_app.vision.style import gesture_name

    started_s = time.monotonic()
    recognizer = Recognizer.load(folder)
    loaded_s = time.monotonic() - started_s
    with open_video(demo_clip()) as video:
        images = [frame.image for frame in islice(video, 0, FRAMES * EVERY, EVERY)]
    recognizer(images[0])  # compiles
    first_s = time.monotonic()
    hands = [hand for image in images for hand in recognizer(image)]
    each_ms = (time.monotonic() - first_s) / len(images) * 1000
    names = sorted({gesture_name(hand.label) for hand in hands if hand.label != NO_GESTURE})
    text = f"{recognizer.device_name}: loaded in {loaded_s:.1f} s, {each_ms:.0f} ms a frame of the demo clip"
    if not hands:
        mend = "Use the weights that came with the program"
        yield Finding("engine", "bad", f"{text}, but no hand is found in it", mend)
    else:
        yield Finding("engine", "good", f"{text}, finds {', '.join(names) or 'hands without a known gesture'}")


def codec_findings() -> Iterator[Finding]:
    """Whether H.264 can be written and read, by doing it."""
    import av
    import numpy as np

    from gesture_app.video.sinks import LiveTiming, VideoSink
    from gesture_app.video.sources import open_video
    from gesture_app.vision.hands import Frame

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "clip.mp4"
        with VideoSink(path, LiveTiming()) as sink:
            for index in range(3):
                sink.write(Frame(np.full((64, 64, 3), 80 * index, np.uint8), index, index / 30))
        with open_video(path) as video:
            count = sum(1 for _ in video)
    missing = [name for name in ("hevc", "vp9", "av1", "aac", "mjpeg") if name not in av.codecs_available]
    version = f"PyAV {metadata.version('av')}"
    if count != 3:
        yield Finding("codecs", "bad", f"{version}: {count} of 3 frames came back from H.264", "pip install -U av")
    elif missing:
        text = f"{version}: H.264 works, {', '.join(missing)} cannot be read"
        yield Finding("codecs", "note", text, "Convert such videos to H.264")
    else:
        yield Finding("codecs", "good", f"{version}: H.264 is written and read; HEVC, VP9, AV1 and AAC are read")


def settings_findings(warning: str | None) -> Iterator[Finding]:
    """Whether the settings file can be used."""
    path = settings_path()
    if warning:
        what, mend = split_message(warning.removeprefix("settings: "))
        yield Finding("settings", "note", what, f"{mend}; mend or remove the file")
    else:
        yield Finding(
            "settings", "good", str(path) if os.access(path, os.F_OK) else f"{path}: not there yet, all as usual"
        )


def folder_findings(settings: Settings) -> Iterator[Finding]:
    """Whether the folders that are written to can be, and have room."""
    folders = {
        "settings": config_folder(),
        "cache": cache_folder(),
        "recordings": settings.recordings(),
    }
    for name, folder in folders.items():
        # Not Path.exists, which raises below a folder that may not be entered.
        there = next((path for path in (folder, *folder.parents) if os.access(path, os.F_OK)), folder)
        if not there.is_dir() or not os.access(there, os.W_OK | os.X_OK):
            yield Finding("folders", "bad", f"{name}: {folder}: cannot be written", "Give yourself the permission")
            continue
        free = shutil.disk_usage(there).free
        text = f"{name}: {folder}, {free / 1e9:.1f} GB free"
        if free < LITTLE_SPACE_BYTES:
            yield Finding("folders", "note", text, "Free some space, or record into another folder")
        else:
            yield Finding("folders", "good", text)


def line(finding: Finding) -> str:
    """A finding as the terminal shows it, of one line, and a second one if there is something to do."""
    mark = {"good": "ok", "note": "note", "bad": "WRONG"}[finding.state]
    text = f"{mark:<6} {finding.topic:<9} {finding.text}"
    return f"{text}\n{'':<16} -> {finding.mend}" if finding.mend else text
