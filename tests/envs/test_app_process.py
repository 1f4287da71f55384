"""Who ended an app's process: the system, which ends the session, or the app, which is marked."""

from __future__ import annotations

import pytest

from jamel.envs.adb_connection import ShellResult
from jamel.envs.app_process import ProcessWatch
from jamel.errors import DeviceLost

EXIT = (
    "        ApplicationExitInfo #{number}:\n"
    "          timestamp=2024-03-01 10:11:12.345 pid={pid} realUid=10154 packageUid=10154 "
    "definingUid=10154 user=0\n"
    "          process=com.example reason={reason} ({name}) subreason=0 (UNKNOWN) status=0\n"
    "          importance=100 pss=0.00 rss=0.00 description=null state=empty trace=null\n"
)


class Telling:
    """A shell that has one thing to say, and keeps the marks."""

    serial = "R5CT10ABCDE"

    def __init__(self, *exits: tuple[int, int, str]) -> None:
        self.marks: list[str] = []
        self.told = "".join(
            EXIT.format(number=number, pid=pid, reason=reason, name=name)
            for number, (pid, reason, name) in enumerate(exits)
        )

    def run(self, script: str) -> ShellResult:
        assert script == "dumpsys activity exit-info com.example"
        return ShellResult(self.told.encode(), b"", 0)


def watch(*exits: tuple[int, int, str]) -> ProcessWatch:
    """A watch on a device whose services are 618 and whose app is 4242."""
    made = ProcessWatch(Telling(*exits), "com.example")  # type: ignore[arg-type]
    made.check(b"", b"mCurrentFocus=...\nprocesses=618/4242\n")
    return made


def marks(made: ProcessWatch) -> list[str]:
    return made._shell.marks


def test_a_process_that_goes_on_is_asked_nothing() -> None:
    made = watch()
    for _ in range(3):
        made.check(b"", b"processes=618/4242\n")
    assert marks(made) == []


@pytest.mark.parametrize(
    ("reason", "name", "said"),
    [(3, "LOW_MEMORY", "want of memory"), (2, "SIGNALED", "a signal"),
     (13, "OTHER KILLS BY SYSTEM", "the system")],
)  # fmt: skip
@pytest.mark.parametrize("now", [b"processes=618/\n", b"processes=618/5000\n"])
def test_the_system_ended_it(reason: int, name: str, said: str, now: bytes) -> None:
    made = watch((4400, 10, "USER REQUESTED"), (4242, reason, name), (4242, 4, "APP CRASH"))
    with pytest.raises(DeviceLost, match=f"ended by {said}.*begin again"):
        made.check(b"", now)


@pytest.mark.parametrize(
    ("exits", "mark"),
    [
        ([(4242, 4, "APP CRASH(EXCEPTION)")], "the app's process ended by a crash"),
        ([(4242, 1, "EXIT SELF")], "the app's process ended by itself"),
        ([(4242, 10, "USER REQUESTED")], "the app's process ended"),
        # Before Android 11 nobody says why.
        ([], "the app's process ended"),
        ([(4100, 3, "LOW_MEMORY")], "the app's process ended"),
    ],
)
def test_what_the_app_did_is_marked_once(exits: list, mark: str) -> None:
    made = watch(*exits)
    made.check(b"", b"processes=618/\n")
    made.check(b"", b"processes=618/\n")
    made.check(b"", b"processes=618/5000\n")
    made.check(b"", b"processes=618/5000\n")
    assert marks(made) == [mark]


def test_services_that_went_away_or_began_again() -> None:
    with pytest.raises(DeviceLost, match="services away"):
        watch().check(b"cmd: Can't find service: input\n", b"processes=/4242\n")
    for now in (b"processes=/\n", b"processes=900/4242\n"):
        with pytest.raises(DeviceLost, match="services started again"):
            watch().check(b"", now)


def test_a_start_is_a_new_process_unless_there_is_none() -> None:
    made = watch((4300, 3, "LOW_MEMORY"))
    made.expect_new()
    made.check(b"", b"processes=700/4300\n")
    made.expect_new()
    with pytest.raises(DeviceLost, match="want of memory"):
        made.check(b"", b"processes=700/\n")
    assert marks(made) == []


@pytest.mark.parametrize("printed", [b"processes=/\n", b"/system/bin/sh: pidof: not found\n", b""])
def test_a_device_that_cannot_tell_is_believed(printed: bytes) -> None:
    made = ProcessWatch(Telling(), "com.example")  # type: ignore[arg-type]
    for _ in range(3):
        made.check(b"", printed)
    assert marks(made) == []
