"""Code of the program's own in a Python process of its own."""

from __future__ import annotations

import sys


def python_arguments(code: str) -> list[str]:
    """What makes `python` run this code; words that follow are its `sys.argv[1:]`.

    It finds modules where this process does. Left to itself, with `-c` as with `-m`, Python looks into the current
    directory first, also for modules of its own. Before 3.11 nothing keeps it from that; from then on the processes
    that the code starts, such as those that load pictures, are kept from it, too.
    """
    start = f"import sys; sys.path[:] = {sys.path!r}; import os; os.environ['PYTHONSAFEPATH'] = '1'"
    return ["-c", f"{start}\n{code}"]
