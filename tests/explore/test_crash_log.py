"""The newest trace of a package, out of what logcat prints."""

from __future__ import annotations

from jamel.envs.crash_log import last_trace

PREFIX = "11-23 08:00:00.123  4242  4242 E AndroidRuntime: "
LOG = "\n".join(
    ["--------- beginning of crash"]
    + [PREFIX + line for line in ("FATAL EXCEPTION: main", "Process: com.a, PID: 1", "first")]
    + [PREFIX + line for line in ("FATAL EXCEPTION: io", "Process: com.a:remote, PID: 2", "x.E: y")]
    + ["E/AndroidRuntime( 77): FATAL EXCEPTION: main", "E/AndroidRuntime( 77): Process: com.b, PID"]
    + ["11-23 08:00:00.123  4242  4242 F libc    : Fatal signal 11"]
)


def test_the_newest_trace_of_the_package_is_read() -> None:
    traced = "FATAL EXCEPTION: io\nProcess: com.a:remote, PID: 2\nx.E: y"
    assert last_trace(LOG, "com.a") == traced
    assert last_trace(LOG, "com.b").startswith("FATAL EXCEPTION: main")
    assert last_trace(LOG, "com.c") == last_trace("", "com.a") == ""
