"""The commands about this machine: doctor, init, backup, restore, device, bench, sizing, ui, serve.

Each calls one library function; heavy imports wait until the command runs.
"""

from __future__ import annotations

import shutil
from contextlib import closing
from pathlib import Path
from typing import Annotated

import typer

from jamel.cli.common import (
    DEFAULT_PROFILE,
    ConfigOption,
    JsonOption,
    comma_list,
    example,
    folder_lock,
    here,
    present,
)
from jamel.cli.progress import progress_bar
from jamel.layout import Layout

ANDROID_PROFILE = Path("configs/android.yaml")
device = typer.Typer(
    help="The embedded virtual Android device, and what real ones need.", no_args_is_help=True
)
SuiteOption = Annotated[str, typer.Option(help="A suite's name, or a suite file (YAML).")]
WorkersOption = Annotated[int, typer.Option(min=1, help="Processes side by side.")]
PortOption = Annotated[
    int, typer.Option(min=1, max=65000, help="The first port to try, on loopback.")
]

LoginOption = Annotated[
    bool, typer.Option("--login", help="MLflow asks for a login (docs/production.md).")
]


def register(app: typer.Typer) -> None:
    """Add this file's commands to the application."""
    app.command(epilog=example("jamel doctor", "jamel doctor --android --boot"))(doctor)
    app.command(epilog=example("jamel init", "jamel init --config configs/cluster.yaml"))(init)
    app.command(epilog=example("jamel backup /mnt/backups/monday"))(backup)
    app.command(epilog=example("jamel restore /mnt/backups/monday"))(restore)
    app.command(epilog=example("jamel bench"))(bench)
    app.command(epilog=example("jamel sizing --steps 1e9 --emulators 1000"))(sizing)
    app.command(epilog=example("jamel ui", "jamel ui --port 5000 --login"))(ui)
    app.command(epilog=example("jamel serve", "jamel serve --port 5000"))(serve)
    device.command(epilog=example("jamel device start --app test/0"))(start)
    device.command(epilog=example("jamel device gallery --app test/0 --out build/gallery"))(gallery)
    device.command(epilog=example("jamel device corpus --suite test"))(corpus)
    device.command(epilog=example("jamel device reach --suite valid --suite test"))(reach)
    device.command(epilog=example("jamel device classes app/build/intermediates --build 1.4.2"))(
        classes
    )
    device.command(epilog=example("jamel device soak --sessions 1000 --rate 0.05"))(soak)
    app.add_typer(device, name="device", epilog=example("jamel device start --app test/0"))


def doctor(
    json: JsonOption = None,
    android: Annotated[
        bool, typer.Option("--android", help="Look at the real devices of a profile.")
    ] = False,
    config: ConfigOption = ANDROID_PROFILE,
    boot: Annotated[
        bool, typer.Option("--boot", help="As --android, and start an AVD to look inside.")
    ] = False,
) -> None:
    """Say what this machine and this project lack; exit status 1 if something needed is missing."""
    from jamel.config import load_config
    from jamel.doctor import diagnose, diagnose_android

    if android or boot:
        settings = load_config(config)
        checks = diagnose_android(settings.device, boot, settings.collect.workers)
    else:
        checks = diagnose(Layout.at().root)
    rows = [
        {
            "check": check.name,
            "state": "ok" if check.passed else ("MISSING" if check.needed else "optional"),
            "found": check.found,
            "what_to_do": "" if check.passed else check.advice,
        }
        for check in checks
    ]
    present(rows, "jamel doctor", json, [check.as_row() for check in checks])
    if not all(check.passed for check in checks if check.needed):
        raise typer.Exit(1)


def init(
    config: ConfigOption = DEFAULT_PROFILE,
    pin: Annotated[
        bool, typer.Option("--pin-starter", help="Pin the starter dataset anew, in data.dvc.")
    ] = False,
) -> None:
    """Create the stores (MLflow, Prefect, DVC) and the pinned starter dataset, where missing.

    Stores that several machines share are those of the profile's section `stores`, from then on.
    Exit status 1 when the dataset that was made is not the one that data.dvc pins.
    """
    from jamel.config import load_config
    from jamel.starter import make_starter, pin_starter
    from jamel.stores import init as run

    project = Layout.at()
    settings = load_config(config)
    stores = run(project.root, settings.stores)
    typer.echo(f"stores ready in {stores.folder}")
    for name, place in stores.elsewhere.named():
        typer.echo(f"{name} at {place}")
    if not pin and not (project.root / "data.dvc").exists():
        return
    md5 = (pin_starter if pin else make_starter)(project.root, settings)
    typer.echo(f"dataset {md5} ready in {project.data}")


def backup(
    out: Annotated[Path, typer.Argument(help="A new folder for the copy.")],
) -> None:
    """Copy the embedded stores while they are in use: databases, models, dataset versions."""
    from jamel.backup import backup as run

    told = run(here().root, out)
    typer.echo(f"{told['bytes'] / 1e6:.1f} MB in {out}")


def restore(
    source: Annotated[Path, typer.Argument(help="A folder that `jamel backup` wrote.")],
) -> None:
    """Put a backup into a project that has no stores, such as a fresh clone."""
    from jamel.backup import restore as run

    stores = run(here().root, source)
    typer.echo(f"stores ready in {stores.folder}")
    typer.echo("data.dvc pins the dataset of the backup; `dvc pull data.dvc` fetches it")


def start(
    app: Annotated[str, typer.Option(help="Which app runs on it, as suite/number.")] = "test/0",
) -> None:
    """Start a device, print its serial and the adb server's port, and run until stopped."""
    from jamel.services import until_stopped
    from jamel.suites import app_spec
    from jamel.virtual_device.apps import App
    from jamel.virtual_device.server import VirtualDevice, adb_executable

    running = VirtualDevice(App(app_spec(app)))
    with until_stopped(), closing(running):
        serial = running.start()
        adb = "adb" if shutil.which("adb") else adb_executable()
        print(f"{serial} {running.adb.port}", flush=True)
        print(f"try: {adb} -P {running.adb.port} -s {serial} shell dumpsys window", flush=True)
        running.wait()


def gallery(
    app: Annotated[str, typer.Option(help="Which app, as suite/number.")] = "test/0",
    suite: Annotated[
        str | None, typer.Option(help="A sheet of pictures for every app of this suite instead.")
    ] = None,
    out: Annotated[Path, typer.Option(help="Folder for the PNG files.")] = Path("build/gallery"),
    steps: Annotated[
        int, typer.Option(min=1, help="How many steps of exploration to draw from.")
    ] = 40,
    workers: WorkersOption = 2,
    json: JsonOption = None,
) -> None:
    """Draw the different screens that a short exploration of an app, or of a suite, meets."""
    from jamel.gallery import draw_gallery, draw_sheets

    if suite is None:
        pictures = draw_gallery(app, out, steps=steps)
        present([{"picture": str(path)} for path in pictures], f"Screens of {app}", json)
        return
    with progress_bar("gallery") as progress:
        rows = draw_sheets(suite, out, steps, workers, progress)
    present(rows, f"Screens of the apps of {suite}", json)


def corpus(
    suite: SuiteOption = "test",
    steps: Annotated[int, typer.Option(min=1, help="Random steps through each app.")] = 200,
    workers: WorkersOption = 2,
    json: JsonOption = None,
) -> None:
    """Count what a suite's screens are like, beside real dumps; ratio is here over real."""
    from jamel.corpus import corpus as run

    with progress_bar("corpus") as progress:
        rows = run(suite, steps, workers, progress)
    present(rows, f"Screens of {suite} beside those of real dumps", json)


def reach(
    suite: Annotated[list[str] | None, typer.Option(help="Again for more; else all.")] = None,
    out: Annotated[Path, typer.Option(help="The counts, by build; kept if higher.")] = Path(
        "configs/reachable.json"
    ),
    workers: WorkersOption = 2,
    json: JsonOption = None,
) -> None:
    """Search every app of some suites for the probes that can be reached, and keep the counts."""
    from jamel.reach import count_reachable
    from jamel.suites import load_suites

    names = suite or list(load_suites())
    project = here()
    with folder_lock(project.root, out), progress_bar("reach") as progress:
        rows = count_reachable(names, out, workers, progress)
    present(rows, f"Reachable probes, kept in {out}", json)


def soak(
    sessions: Annotated[int, typer.Option(min=1, help="How many sessions.")] = 100,
    rate: Annotated[float, typer.Option(min=0, max=1, help="Share of steps with a fault.")] = 0.05,
    steps: Annotated[int, typer.Option(min=1, help="Actions a session.")] = 30,
    kinds: Annotated[str | None, typer.Option(help="Faults, by commas; all by default.")] = None,
    seed: Annotated[int, typer.Option(help="Of the faults.")] = 0,
    transport: Annotated[str, typer.Option(help="adb or in_process.")] = "adb",
    screenshots: Annotated[
        bool, typer.Option("--screenshots", help="Compare a picture of every screen too.")
    ] = False,
    workers: Annotated[int, typer.Option(min=1, help="Processes, each with a device.")] = 2,
    json: JsonOption = None,
) -> None:
    """Collect sessions from devices that misbehave and compare each with a fault-free twin.

    Exit status 1 when a session was lost, doubled or is not its twin's equal.
    """
    from jamel.soak import faulty_device
    from jamel.soak import soak as run

    device = faulty_device(rate, comma_list(kinds) or (), seed, transport, screenshots)
    with progress_bar("soak") as progress:
        result = run(device, sessions, steps, workers, progress)
    present(result.kinds, f"Faults at {rate:.0%} of steps", None)
    present([result.summary], "Sessions", json, result.as_dict())
    for line in result.problems:
        typer.echo(line)
    if not result.passed:
        raise typer.Exit(1)


def classes(
    places: Annotated[
        list[Path], typer.Argument(help="Folders, archives or files of instrumented classes.")
    ],
    build: Annotated[str, typer.Option(help="What to call this build, such as its version.")],
    out: Annotated[Path, typer.Option(help="Where the list goes.")] = Path("coverage.classes"),
    json: JsonOption = None,
) -> None:
    """List a real app's classes with their probes, for device.coverage_classes of its profile."""
    from jamel.coverage.class_files import instrumented_classes
    from jamel.coverage.class_list import write_class_list

    listed = write_class_list(out, build, instrumented_classes(places))
    row = {"build": build, "classes": len(listed), "probes": sum(item.probes for item in listed)}
    present([row], f"Classes, listed in {out}", json)


def bench(config: ConfigOption = DEFAULT_PROFILE, json: JsonOption = None) -> None:
    """Measure device, label, training and decision speed; appended to docs/bench.jsonl."""
    from jamel.bench import bench as measure
    from jamel.config import load_config

    settings = load_config(config)
    with progress_bar("bench") as progress:
        row = measure(settings, Path("docs/bench.jsonl"), progress)
    present([{"measure": key, "value": value} for key, value in row.items()], "Speed", json, row)


def sizing(
    steps: Annotated[float, typer.Option(min=1, help="Steps to explore in all.")] = 1e9,
    emulators: Annotated[int, typer.Option(min=1, help="Emulators side by side.")] = 1000,
    step_s: Annotated[float, typer.Option(min=0.001, help="Seconds a step of one takes.")] = 2.0,
    config: ConfigOption = DEFAULT_PROFILE,
    json: JsonOption = None,
) -> None:
    """Say what a step costs in this project, and what that comes to for more of them."""
    from jamel.config import load_config
    from jamel.sizing import Plan, requirements, unit_costs

    settings = load_config(config)
    costs = unit_costs(here(settings), Path("docs/bench.jsonl"))
    needed = requirements(costs, Plan(steps, emulators, step_s), settings)
    present([{"measured here": key, "value": value} for key, value in costs.items()], "Costs", None)
    rows = [{"needed": key, "value": value} for key, value in needed.items()]
    title = f"{steps:g} steps on {emulators} emulators, {step_s:g} s a step"
    present(rows, title, json, {"costs": costs, "needed": needed})


def ui(port: PortOption = 5000, login: LoginOption = False) -> None:
    """Open MLflow, Prefect, the report and the data docs on loopback; Ctrl-C stops them all."""
    from jamel.services import serve_all

    serve_all(here(), port, login=login)


def serve(port: PortOption = 5000, login: LoginOption = False) -> None:
    """As `jamel ui`, with a worker that runs the deployments of prefect.yaml when they are due."""
    from jamel.services import serve_all

    serve_all(here(), port, login=login, schedule=True)
