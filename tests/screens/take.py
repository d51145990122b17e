"""Starts the real program under Xvfb, brings it into every state and takes pictures: `make screens`.

The pictures go to build/screens, to be looked at. A state that is not reached within its time fails the lane.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.append(str(Path(__file__).resolve().parents[1]))

import xserver
from scenarios import SCENARIOS

ROOT = Path(__file__).resolve().parents[2]
LIMIT_S = 900.0


def main() -> int:
    """Take the pictures of all scenarios, or of those that are named."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", help=f"scenarios; all unless told: {', '.join(SCENARIOS)}")
    parser.add_argument("--output", type=Path, default=ROOT / "build" / "screens")
    given = parser.parse_args()
    names = given.names or list(SCENARIOS)
    if unknown := [name for name in names if name not in SCENARIOS]:
        parser.error(f"no scenario {unknown[0]}")
    if not xserver.AVAILABLE:
        print("screens: error: Xvfb is not there. Install it: apt install xvfb", file=sys.stderr)
        return 3
    given.output.mkdir(parents=True, exist_ok=True)
    failed = []
    for size in dict.fromkeys(SCENARIOS[name].screen for name in names):
        with xserver.x_server(size) as display:
            chosen = [name for name in names if SCENARIOS[name].screen == size]
            failed += [name for name in chosen if not run(name, display, given.output)]
    print(f"{len(names) - len(failed)} of {len(names)} scenarios are in {given.output}")
    if failed:
        print(f"screens: error: not reached: {', '.join(failed)}", file=sys.stderr)
    return 1 if failed else 0


def run(name: str, display: str, output: Path) -> bool:
    """Run a scenario in a process of its own; whether it came to its end."""
    scenario = SCENARIOS[name]
    for old in output.glob(f"{name}*.png"):
        old.unlink()
    started_s = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="gesture-app-screens-") as folder:
        settings = json.dumps({"record_folder": f"{folder}/Videos", **scenario.settings})
        (Path(folder) / "settings.json").write_text(scenario.settings_text or settings)
        (Path(folder) / "demo.mp4").symlink_to(ROOT / "assets" / "demo.mp4")
        environment = {key: value for key, value in os.environ.items() if not key.startswith(("QT_", "WAYLAND_"))}
        environment |= {
            "DISPLAY": display,
            "QT_SCALE_FACTOR": str(scenario.scale),
            "GESTURE_APP_CONFIG_DIR": folder,
            "HOME": folder,  # the pictures show paths
            "XDG_CACHE_HOME": os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache"),
            "PYTHONPATH": os.pathsep.join([str(ROOT), str(Path(__file__).parent)]),
        }
        try:
            command = [sys.executable, "-X", "faulthandler", "-m", "driver", name, str(output), folder]
            code = subprocess.run(command, env=environment, cwd=ROOT, timeout=LIMIT_S, check=False).returncode
        except subprocess.TimeoutExpired:
            code = -1
    verdict = "ok" if code == 0 else f"FAILED with {code}"
    print(f"{verdict:<6} {name} ({time.monotonic() - started_s:.0f} s)", flush=True)
    return code == 0


if __name__ == "__main__":
    sys.exit(main())
