"""Crashes of an embedded app: told in `info` once each, with the newest trace."""

from __future__ import annotations

from collections import deque

from jamel.envs.android import make_env
from jamel.envs.links import InProcessLink
from jamel.suites import app_spec
from jamel.types import Action, ActionKind


def test_each_crash_in_the_apps_log_is_told_once() -> None:
    env = make_env(app_spec("valid/0"))
    env.reset()
    assert isinstance(env.link, InProcessLink)
    log = env.link.app.crash_log = deque(maxlen=2)  # type: ignore[attr-defined]
    told = []
    for trace in ("", "first", "", "again ", "again "):
        if trace:
            log.append("".join([trace, "trace"]))
        told.append(env.step(Action(ActionKind.BACK))[4].get("crash"))
    assert told == [None, "firsttrace", None, "again trace", "again trace"]
    assert env.crash_trace() == "again trace"
