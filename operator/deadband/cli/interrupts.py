"""Ctrl-C that is never lost.

Python raises KeyboardInterrupt wherever the main thread happens to be. In the callback of a weak reference or in a
`__del__` nothing can be raised: it is written to standard error and forgotten, and the command goes on. A large answer
is parsed in C, so the first Python that runs after the signal is the garbage collector's callbacks, and there it is
lost. Source: Python documentation, `sys.unraisablehook`.
"""

import signal
import sys

_SOON_SECONDS = 0.05
"""By then the callback is over."""


def keep_interrupts() -> None:
    """From now on an interrupt that could not be raised comes again a moment later. In the main thread only."""
    if hasattr(signal, "setitimer"):  # Windows has no such timer
        signal.signal(signal.SIGALRM, signal.default_int_handler)
        sys.unraisablehook = _send_again


def _send_again(lost: "sys.UnraisableHookArgs") -> None:
    if issubclass(lost.exc_type, KeyboardInterrupt):
        signal.setitimer(signal.ITIMER_REAL, _SOON_SECONDS)  # a real signal: it also ends a read that waits
    else:
        sys.__unraisablehook__(lost)
