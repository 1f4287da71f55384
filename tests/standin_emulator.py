"""The Android emulator's command line over the embedded device, for tests of what drives it.

Understands the options that jamel gives, finds AVDs as `*.ini` in ANDROID_AVD_HOME, listens on the
console port and the one above, registers with the adb server of ANDROID_ADB_SERVER_PORT, and boots
for a while before it says so. In `NAME.avd/` it appends its process and port to `starts` and the
events of its app to `PORT.touches`. A file `strike` there with `SIGNAL COUNT` makes the emulator
that finds it send itself that signal at its COUNTth touch; with a file `poisoned` it comes up
from no snapshot.
"""

from __future__ import annotations

import argparse
import os
import signal
import sys
import threading
from pathlib import Path

BOOT_S = 0.4
APP_SEED = 77


def main(arguments: list[str]) -> int:
    home = Path(os.environ["ANDROID_AVD_HOME"])
    names = sorted(path.stem for path in home.glob("*.ini"))
    if arguments == ["-list-avds"]:
        print("\n".join(["INFO    | Storing crashdata in: /tmp/crashes", *names]))
        return 0
    options = parsed(arguments)
    if options is None:
        return 1
    if options.avd not in names:
        print(f"ERROR   | Unknown AVD name [{options.avd}], use -list-avds to see valid list.")
        return 1
    run(home / f"{options.avd}.avd", options)
    return 0


def parsed(arguments: list[str]) -> argparse.Namespace | None:
    parser = argparse.ArgumentParser(allow_abbrev=False, exit_on_error=False, add_help=False)
    for name in ("avd", "gpu", "snapshot"):
        parser.add_argument(f"-{name}")
    for name in ("port", "memory", "cores"):
        parser.add_argument(f"-{name}", type=int)
    flags = ("window", "audio", "boot-anim", "snapshot-save", "snapshot-load")
    for name in (*(f"no-{flag}" for flag in flags), "read-only"):
        parser.add_argument(f"-{name}", action="store_true")
    options, unknown = parser.parse_known_args(arguments)
    if unknown:
        print(f"unknown option: {unknown[0]}")
        return None
    return options


def run(folder: Path, options: argparse.Namespace) -> None:
    from jamel.virtual_device.apps import App, build_app
    from jamel.virtual_device.server import AdbServer, VirtualDevice

    folder.mkdir(exist_ok=True)
    log(folder / "starts", f"{os.getpid()} {options.port} {' '.join(sys.argv[1:])}")
    if (folder / "poisoned").exists() and not options.no_snapshot_load:
        sys.exit("ERROR   | The snapshot holds a device that was switched off")
    app = touched(App(build_app(APP_SEED)), folder, options.port)
    device = VirtualDevice(app, AdbServer.at(int(os.environ["ANDROID_ADB_SERVER_PORT"])))
    properties = device.device.settings
    properties["prop/sys.boot_completed"] = "0"
    device.start(options.port)
    threading.Timer(BOOT_S, properties.pop, ("prop/sys.boot_completed",)).start()
    device.wait()


def touched(app, folder: Path, port: int):
    """The app, with its touches noted and the strike that a test prepared."""
    strike, tap, count = folder / "strike", app.tap, 0

    def noted(x_px: int, y_px: int) -> None:
        nonlocal count
        count += 1
        log(folder / f"{port}.touches", str(count))
        if strike.exists():
            name, at = strike.read_text().split()
            if count >= int(at):
                strike.unlink()
                os.kill(os.getpid(), getattr(signal, name))
        tap(x_px, y_px)

    app.tap = noted
    return app


def log(path: Path, line: str) -> None:
    with path.open("a") as file:
        file.write(line + "\n")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
