from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import torch
from networks import CLASSIFIER, Blur, pictures, randomised

from gesture_app.errors import InputError
from gesture_app.vision import openvino_runtime
from gesture_app.vision.model_info import ModelInfo
from gesture_app.vision.openvino_runtime import MAX_SHAPES, OpenVinoNetwork, export_openvino
from gesture_app.vision.recognizer import Recognizer
from gesture_app.vision.runtimes import TorchNetwork, load_network

CPU = torch.device("cpu")
DETECTOR = ModelInfo("detector", "yolox-nano", ("hand",), (64, 96))

pytestmark = pytest.mark.usefixtures("export_cache")


def openvino_network(network: torch.nn.Module, info: ModelInfo, **options) -> OpenVinoNetwork:
    return OpenVinoNetwork(export_openvino(network, info), info.kind, **options)


@pytest.mark.parametrize(
    ("info", "shapes"),
    [
        (DETECTOR, [(1, 64, 96), (1, 96, 64), (1, 64, 96), (3, 32, 96)]),
        (CLASSIFIER, [(1, 64, 64), (4, 64, 64), (2, 64, 64)]),
    ],
)
def test_equals_the_reference(info: ModelInfo, shapes) -> None:
    network = randomised(info)
    reference, fast = TorchNetwork(network, CPU), openvino_network(network, info, precision="f32")
    for shape in shapes:
        batch = pictures(*shape)
        expected, got = reference(batch), fast(batch)
        assert got.dtype == np.float32 and got.shape == expected.shape
        assert got == pytest.approx(expected, abs=1e-3)


def test_results_stay_when_the_network_runs_again() -> None:
    fast = openvino_network(Blur(), CLASSIFIER)
    first, second = fast(pictures(1, 64, 64)), fast(np.zeros((1, 64, 64, 3), np.uint8))
    assert not np.array_equal(first, second)
    assert np.array_equal(first, fast(pictures(1, 64, 64)))


def test_a_batch_that_is_not_contiguous() -> None:
    fast = openvino_network(Blur(), CLASSIFIER)
    batch = pictures(2, 64, 128)[:, :, ::2]
    assert fast(batch) == pytest.approx(fast(batch.copy()))


def test_many_shapes_are_not_all_kept() -> None:
    fast = openvino_network(Blur(), DETECTOR)
    sizes = [(32, 32 * n) for n in range(1, MAX_SHAPES + 3)]
    first = [fast(pictures(1, *size)) for size in sizes]
    assert len(fast.compiled) == MAX_SHAPES
    assert np.array_equal(fast(pictures(1, *sizes[0])), first[0])


def test_several_threads_share_a_network() -> None:
    network = openvino_network(Blur(), DETECTOR, precision="f32")
    batches = [pictures(1, 32, 32 * (1 + n % 2)) + np.uint8(n) for n in range(40)]
    expected = [network(batch) for batch in batches]
    shared = network.for_threads(3)
    assert shared.name == network.name
    with ThreadPoolExecutor(3) as pool:
        for got, alone in zip(pool.map(shared, batches), expected, strict=True):
            assert got == pytest.approx(alone, abs=1e-4)
    assert network(batches[0]) == pytest.approx(expected[0])


@pytest.mark.parametrize(("capabilities", "expected"), [(["FP32", "BF16", "INT8"], "bf16"), (["FP32", "INT8"], "f32")])
def test_precision_is_what_the_cpu_has(monkeypatch, capabilities, expected) -> None:
    class Core:
        def get_property(self, device: str, name: str) -> list[str]:
            return capabilities

    monkeypatch.setattr(openvino_runtime, "openvino_core", Core)
    assert OpenVinoNetwork(None, "detector").name.endswith(expected)
    assert OpenVinoNetwork(None, "detector", "f32").name.endswith("f32")


def test_the_export_is_kept_and_used_again_without_torch(weights: Path, export_cache: Path, monkeypatch) -> None:
    first = load_network(weights, "classifier", "cpu")[0](pictures(1, 64, 64))
    assert {path.suffix for path in export_cache.iterdir()} == {".xml", ".bin"}
    monkeypatch.setattr(openvino_runtime, "load_model", lambda *_: pytest.fail("built again"))
    network, info = load_network(weights, "classifier", "cpu")
    assert network(pictures(1, 64, 64)) == pytest.approx(first, abs=1e-5)
    assert info.labels == CLASSIFIER.labels


def test_a_damaged_cache_is_made_anew(weights: Path, export_cache: Path) -> None:
    first = load_network(weights, "classifier", "cpu")[0](pictures(1, 64, 64))
    for path in export_cache.iterdir():
        path.write_bytes(b"damaged")
    assert load_network(weights, "classifier", "cpu")[0](pictures(1, 64, 64)) == pytest.approx(first, abs=1e-3)
    assert all(path.stat().st_size > 10 for path in export_cache.iterdir())


def test_works_without_a_cache(weights: Path, export_cache: Path) -> None:
    export_cache.parent.write_text("a file where the folder should be")
    assert load_network(weights, "classifier", "cpu")[0](pictures(1, 64, 64)).shape == (1, 3)


def test_damaged_weights_are_refused_even_with_an_export(weights: Path) -> None:
    load_network(weights, "classifier", "cpu")
    weights.write_bytes(weights.read_bytes()[:-1] + b"x")
    with pytest.raises(InputError, match="sha256"):
        load_network(weights, "classifier", "cpu")


SIGNAL_AFTER_NETWORKS = """
import os, signal, sys
from pathlib import Path
import numpy as np
from gesture_app.vision.runtimes import load_network
signal.signal(signal.SIGTERM, lambda *_: print("handled", flush=True))
networks = [load_network(Path(sys.argv[1]), "classifier", "cpu", "openvino")[0] for _ in range(2)]
for network in networks:
    network(np.zeros((1, 64, 64, 3), np.uint8))
del network
while networks:
    networks.pop(0)
    os.kill(os.getpid(), signal.SIGTERM)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX signals")
def test_a_signal_is_handled_when_networks_are_gone(weights: Path, export_cache: Path) -> None:
    environment = {**os.environ, "XDG_CACHE_HOME": str(export_cache.parent)}
    load_network(weights, "classifier", "cpu")  # the export, so that the process below only reads it
    words = [sys.executable, "-c", SIGNAL_AFTER_NETWORKS, str(weights)]
    done = subprocess.run(words, capture_output=True, text=True, timeout=120, env=environment)
    assert (done.returncode, done.stdout) == (0, "handled\n" * 2), done.stderr


NO_NETWORK = """
import socket, sys
import torch  # so that it exports by itself
def refuse(*arguments, **options):
    print("network use", arguments, file=sys.stderr)
    raise OSError("no network here")
socket.socket.connect = socket.create_connection = socket.getaddrinfo = refuse
from pathlib import Path
import numpy as np
from gesture_app.vision.runtimes import load_network
load_network(Path(sys.argv[1]), "classifier", "cpu", "openvino")[0](np.zeros((1, 64, 64, 3), np.uint8))
"""


def test_nothing_is_reported_over_the_network(weights: Path, monkeypatch, tmp_path: Path) -> None:
    monkeypatch.delenv("CI", raising=False)  # the converter's telemetry is off in CI, which would hide it here
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "other"))
    words = [sys.executable, "-c", NO_NETWORK, str(weights)]
    done = subprocess.run(words, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    assert "network use" not in done.stderr


@pytest.mark.parametrize("kept", [False, True])
def test_shipped_weights_run_without_torch(export_cache: Path, monkeypatch, kept: bool) -> None:
    if kept:
        Recognizer.load(device="cpu")
    monkeypatch.setenv("XDG_CACHE_HOME", str(export_cache.parent))
    code = (
        "import sys; import numpy as np; from gesture_app.vision.recognizer import Recognizer;"
        "Recognizer.load(device='cpu')(np.zeros((72, 128, 3), np.uint8)); sys.exit('torch' in sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=120)
    assert len(list(export_cache.glob("*.xml"))) == 2


def test_exporting_ends_with_the_process_that_asked_for_it(weights: Path, export_cache: Path, monkeypatch) -> None:
    begun: list[subprocess.Popen[str]] = []
    begin = subprocess.Popen
    monkeypatch.setenv("XDG_CACHE_HOME", str(export_cache.parent))
    monkeypatch.setattr(subprocess, "Popen", lambda *words, **how: begun.append(begin(*words, **how)) or begun[0])
    with ThreadPoolExecutor() as pool:
        exporting = pool.submit(openvino_runtime._export_apart, weights, "classifier")
        while not begun:
            time.sleep(0.01)
        assert begun[0].stdin is not None
        begun[0].stdin.close()  # as at the end of this process
        exporting.result(timeout=20)
    assert begun[0].returncode == 1 and not list(export_cache.glob("*"))


def test_other_outputs_than_those_exported_are_refused(weights: Path, export_cache: Path) -> None:
    load_network(weights, "classifier", "cpu")
    info = weights.with_suffix(".json")
    info.write_text(json.dumps({**json.loads(info.read_text()), "labels": ["like", "four"]}))
    with pytest.raises(InputError, match="size mismatch"):
        load_network(weights, "classifier", "cpu")


def test_threads_get_one_core() -> None:
    code = """
import sys, threading
from gesture_app.vision.openvino_runtime import openvino_core
sys.setswitchinterval(1e-6)
barrier, cores = threading.Barrier(4), []
def first_use():
    barrier.wait()
    cores.append(openvino_core())
threads = [threading.Thread(target=first_use) for _ in range(4)]
for thread in threads: thread.start()
for thread in threads: thread.join()
assert len({id(core) for core in cores}) == 1
"""
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)


def test_threads_may_begin_at_once() -> None:
    """The bindings' tables of types are no reason for two threads to wait for each other for good."""
    code = """
import os, sys, threading
from gesture_app.vision.openvino_runtime import import_openvino, openvino_core
openvino_core()
sys.setswitchinterval(1e-6)
barrier = threading.Barrier(4)
def first_use():
    barrier.wait()
    import_openvino().Type.u8.to_dtype()
threads = [threading.Thread(target=first_use, daemon=True) for _ in range(4)]
for thread in threads: thread.start()
for thread in threads: thread.join()
os._exit(0)
"""
    for _ in range(3):
        subprocess.run([sys.executable, "-c", code], check=True, timeout=60)
