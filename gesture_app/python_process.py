"""Code of the program's own in a Python process of its own."""

from __future__ import annotations

import sys


def python_arguments(code: str) -> list[str]:
    """What makes `python` run this code; words that follow are its `sys.argv[1:]`.

    It finds modules where this process does. Left to itself, with `-c` as with `-m`, Python looks into the current
    directory first, also for modules of its own, and before 3.11 nothing keeps it from that.
    """
    return ["-c", f"import sys; sys.path[:] = {sys.path!r}\n{code}"]
