"""A prompt that the system refuses something ends with a sentence, and leaves the terminal as it was.

What fails in the event loop of a prompt, prompt_toolkit prints as a traceback, and waits for Enter. What fails before and after it comes
as whatever the library raised.
"""

from __future__ import annotations

import asyncio
import gc
import logging
import sys
import warnings
from contextlib import contextmanager, suppress
from traceback import clear_frames
from typing import TYPE_CHECKING, Any

from prompt_toolkit.application import get_app

from smtp_shell.errors import SystemRefused
from smtp_shell.private_files import reason_of

if sys.platform == "win32":
    _REFUSALS: tuple[type[Exception], ...] = (OSError, MemoryError)
else:
    import termios

    _REFUSALS = (OSError, MemoryError, termios.error)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from prompt_toolkit import PromptSession
    from prompt_toolkit.application import Application

_NO_SIGNAL = "cannot be caught"  # what asyncio raises a RuntimeError about where the system refuses a signal's handler


def run_prompt(
    session: PromptSession[str], message: Any = None, *, default: str = "", pre_run: Callable[[], None] | None = None
) -> str:
    """Return what is typed at a prompt.

    Args:
        session: The prompt.
        message: What stands before the line; None for what the prompt has.
        default: What the line begins with.
        pre_run: Called when the prompt begins.

    Raises:
        SystemRefused: The system refused what a prompt needs.
        OSError: The terminal has gone away.
        KeyboardInterrupt: Ctrl-C.
        EOFError: Ctrl-D.
    """

    def begin() -> None:
        _end_where_refused(get_app())
        if pre_run is not None:
            pre_run()

    # What fails in the loop after the prompt's handler has gone, asyncio logs; without a handler of logs, Python prints it.
    logger, silent = logging.getLogger("asyncio"), logging.NullHandler()
    logger.addHandler(silent)
    with usual_modes():
        try:
            return session.prompt(message, default=default, pre_run=begin)
        except _REFUSALS as error:
            _forget(error)
            if not sys.stdin.isatty():
                raise OSError(*error.args[:2]) from None
            raise SystemRefused(f"the terminal could not be asked: {_reason(error)}.") from None
        except RuntimeError as error:
            if _NO_SIGNAL not in str(error):
                raise
            raise SystemRefused("the terminal could not be asked: the system takes no handler of a signal.") from None
        finally:
            logger.removeHandler(silent)


@contextmanager
def usual_modes() -> Iterator[None]:
    """Restore, at the end of the block, the modes that the terminal had at its beginning."""
    before = _modes()
    try:
        yield
    finally:
        if before is not None and _modes() != before:
            with suppress(*_REFUSALS):
                termios.tcsetattr(sys.stdin, termios.TCSADRAIN, before)


def forget_typed() -> None:
    """Forget what has been typed and not been read."""
    if sys.platform == "win32":
        import msvcrt

        while msvcrt.kbhit():
            msvcrt.getwch()
        return
    with suppress(ValueError, *_REFUSALS):
        termios.tcflush(sys.stdin, termios.TCIFLUSH)


def _modes() -> list[Any] | None:
    """Return the modes of the terminal; None where there is none, or a console of Windows, which has none."""
    if sys.platform == "win32":
        return None
    for _ in range(2):
        with suppress(ValueError, *_REFUSALS):
            return termios.tcgetattr(sys.stdin)
    return None


def _end_where_refused(app: Application[Any]) -> None:
    """Have a prompt end with what the system refuses in its event loop. What else fails there prompt_toolkit shows."""
    loop = asyncio.get_running_loop()
    others = loop.get_exception_handler()

    def handle(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        error = context.get("exception")
        if isinstance(error, _REFUSALS):
            with suppress(Exception):  # it has its result, and is about to end
                app.exit(exception=error)
        elif others is not None:
            others(loop, context)

    loop.set_exception_handler(handle)


def _forget(error: Exception) -> None:
    """Free what was half made, a coroutine and an event loop. Python prints a warning about the one, and a traceback about the other."""
    hook, sys.unraisablehook = sys.unraisablehook, lambda _: None
    try:
        with warnings.catch_warnings(action="ignore", category=RuntimeWarning):
            clear_frames(error.__traceback__)
            gc.collect()  # the loop is part of a circle
    finally:
        sys.unraisablehook = _say_unless_of_a_loop if hook is sys.__unraisablehook__ else hook


def _say_unless_of_a_loop(unraisable: sys.UnraisableHookArgs) -> None:
    """Print what failed where nobody could catch it, but for an event loop that is half closed: it may be freed much later."""
    if getattr(unraisable.object, "__qualname__", "") != "BaseEventLoop.__del__":
        sys.__unraisablehook__(unraisable)


def _reason(error: Exception) -> str:
    return reason_of(error if isinstance(error, OSError | MemoryError) else OSError(*error.args))
