"""The two ways a program ends on purpose, and how its `main` ends; anything else that is raised is a bug."""

from __future__ import annotations

import errno
import faulthandler
import io
import os
import signal
import stat
import sys
import threading
import traceback
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from types import FrameType
from typing import Any, NoReturn


class GestureError(Exception):
    """One line for the user: what, which file, why, what to do."""

    exit_code = 1


class InputError(GestureError):
    """A file, a checkpoint, a dataset or an option that cannot be used."""

    exit_code = 2


class EnvironmentFault(GestureError):
    """The machine lacks something: a camera, a display, disk space, memory, a permission."""

    exit_code = 3


class Terminated(KeyboardInterrupt):
    """Another signal than Ctrl-C's, its `number`: unwinds like that, so that every `with` still closes its file."""

    def __init__(self, number: int = signal.SIGTERM) -> None:
        super().__init__()
        self.number = number


def ending_signals() -> tuple[signal.Signals, ...]:
    """What asks a program to end: Ctrl-C, SIGTERM and, unless `nohup` says that it is nothing, a terminal's closing."""
    usual = (signal.SIGINT, signal.SIGTERM)
    if sys.platform == "win32" or signal.getsignal(signal.SIGHUP) is signal.SIG_IGN:
        return usual
    return (*usual, signal.SIGHUP)


def handle_ending(handle: Callable[[int], object]) -> dict[signal.Signals, Any]:
    """Call this with the number of an ending signal from now on; gives the handlers before."""

    def receive(number: int, _frame: FrameType | None) -> None:
        forget_terminal(number)
        handle(number)

    return {number: signal.signal(number, receive) for number in ending_signals()}


def forget_terminal(number: int) -> None:
    """Where this signal says that the terminal is gone, what is still told goes nowhere, and is no error."""
    if sys.platform == "win32" or number != signal.SIGHUP:
        return
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError, ValueError):
            if stat.S_ISCHR(os.fstat(stream.fileno()).st_mode):  # a terminal that is gone says that it is none
                os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def run_and_exit(main: Callable[[], int | None], program: str, debug: bool = False) -> NoReturn:
    """Call `main` and leave the process with the exit code that its ending means.

    The codes: what `main` returns (None is 0), 2 for InputError, 3 for EnvironmentFault and for no memory, 1 for a bug,
    with its traceback; 130 after Ctrl-C, 143 after SIGTERM, 129 when the terminal was closed, 141 when the reader of
    the standard output has gone. 2 and 3 print exactly one line, `PROGRAM: error: ...`, on the standard error, with
    `debug` after the traceback. A crash in native code prints where each Python thread was.
    """
    if threading.current_thread() is threading.main_thread():
        for number in ending_signals()[1:]:
            signal.signal(number, _raise_terminated)
        if sys.platform != "win32" and sys.__stderr__ is not None and not faulthandler.is_enabled():
            # A crash in a library tells where it was. And handlers of signals get a stack of their own: oneDNN's
            # generated code uses the stack pointer for other things (uxlfoundation/oneDNN issue 4845).
            faulthandler.enable(sys.__stderr__)
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:  # closed by whoever started the program
            setattr(sys, name, Path(os.devnull).open("w"))  # noqa: SIM115
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # names of files may be any bytes
    code: int | str | None
    try:
        try:
            code = main() or 0
        except SystemExit as ended:  # help, and mistakes in a command line
            code = ended.code
        sys.stdout.flush()
    except KeyboardInterrupt as error:
        code = 128 + (error.number if isinstance(error, Terminated) else signal.SIGINT)
    except BrokenPipeError:
        forget_output()
        code = 128 + 13
    except (GestureError, MemoryError, RuntimeError, OSError) as error:
        known = as_known(error)
        if known is None:
            raise
        if debug:
            traceback.print_exc()
        if isinstance(error, OSError) and error.filename is None:
            forget_output()
        print(f"{program}: error: {one_line(known)}", file=sys.stderr)
        code = known.exit_code
    sys.exit(code)


def forget_output() -> None:
    """Let what is left in the buffer go nowhere; else the interpreter complains about it at its end."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def as_known(error: Exception) -> GestureError | None:
    """The error as one for the user, where it is none of the program's.

    That is short memory, of the machine or a GPU; a file that one may not look at, or whose name none can have; and a
    standard output that is full.
    """
    if isinstance(error, GestureError):
        return error
    if isinstance(error, MemoryError):
        return EnvironmentFault("memory: none left. Close other programs or use smaller pictures")
    if type(error).__name__ == "OutOfMemoryError":  # PyTorch's, which need not be imported for that
        return EnvironmentFault("memory: none left on the GPU. Close other programs, or use --device cpu")
    if isinstance(error, OSError) and error.filename is None and error.errno in (errno.ENOSPC, errno.EIO):
        return EnvironmentFault(f"output: {error.strerror}. Free some space, or give another place")
    if isinstance(error, OSError) and error.filename is not None and error.errno in (errno.EACCES, errno.ENAMETOOLONG):
        # Where Python's `Path` comes upon such a file it raises this, and only since 3.14 says that there is none.
        return InputError(f"file: {error.filename}: {error.strerror}. Check the name and the permissions")
    return None


def message_of(error: Exception) -> str:
    """What a window shows of an error; a bug also leaves its traceback on the standard error."""
    if isinstance(error, GestureError):
        return str(error)
    traceback.print_exception(error)
    return f"{type(error).__name__}: {error}"


def one_line(message: object) -> str:
    """The message with all its white space as single spaces: what a terminal and a log show as one line."""
    return " ".join(str(message).split())


def split_message(message: str) -> tuple[str, str]:
    """What a message for the user tells, and what to do, which is its last sentence; empty where it has but one."""
    told, _, mend = message.rpartition(". ")
    return (told, mend) if told else (mend, "")


def _raise_terminated(number: int, _frame: FrameType | None) -> NoReturn:
    forget_terminal(number)
    raise Terminated(number)
