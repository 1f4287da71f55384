"""What a crash leaves: the system's dialog over the launcher and a stack trace for the log.

The trace is spelled as Android's runtime spells it, with the app's own classes, functions and the
lines of its source. Knows no app state.
"""

from __future__ import annotations

import traceback

from jamel.virtual_device.apps.widgets import Node, Page

CRASHED = "@crash"
"""The name of the dialog in an app's navigation."""


class InducedCrash(Exception):
    """Someone asked for it with `am crash`."""


MOST_CRASHES = 64
PROCESS_ID = 4242
_JAVA = {
    ValueError: "java.lang.NumberFormatException",
    IndexError: "java.lang.IndexOutOfBoundsException",
    KeyError: "java.util.NoSuchElementException",
    ZeroDivisionError: "java.lang.ArithmeticException",
    InducedCrash: "android.app.RemoteServiceException$CrashedByAdbException",
}
_FRAMEWORK = (
    "android.view.View.performClick(View.java:7506)",
    "android.os.Handler.handleCallback(Handler.java:942)",
    "android.os.Looper.loop(Looper.java:288)",
    "android.app.ActivityThread.main(ActivityThread.java:7872)",
)


def crash_page(title: str) -> Page:
    """Android's dialog for an app that has crashed (AOSP's app_error_dialog.xml)."""
    close = Node("button", "aerr_close", "Close app", ("@dismiss", ""))
    return Page(f"{title} has stopped", (close,), style="dialog")


def crash_trace(package: str, class_name: str, error: Exception) -> str:
    """The lines that AndroidRuntime logs for an uncaught exception, without the log's prefix.

    Args:
        package: the process's name.
        class_name: of the feature whose handler raised, as the VM names it.
        error: what was raised, with its traceback.
    """
    name = _JAVA.get(type(error), "java.lang.RuntimeException")
    short = class_name.rpartition("/")[2]
    frames = [
        f"{class_name.replace('/', '.')}.{_camel(frame.name)}({short}.kt:{frame.lineno})"
        for frame in reversed(traceback.extract_tb(error.__traceback__))
        if frame.filename == "<instrumented>"
    ]
    lines = ["FATAL EXCEPTION: main", f"Process: {package}, PID: {PROCESS_ID}", f"{name}: {error}"]
    return "\n".join([*lines, *(f"\tat {frame}" for frame in (*frames, *_FRAMEWORK))])


def _camel(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(word.title() for word in rest)
