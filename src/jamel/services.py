"""The web pages of a project on loopback, MLflow, Prefect, report and data docs, and its worker.

Knows only how to start other programs and to end those it started, with all that they started.
"""

from __future__ import annotations

import importlib.util
import os
import secrets
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from pathlib import Path
from types import FrameType, MappingProxyType
from typing import Any, NamedTuple

from jamel.disk import write_text
from jamel.errors import StoreError
from jamel.layout import Layout
from jamel.marks import end, end_left, marked, namespace, this_process
from jamel.stores import TELEMETRY_OFF, Stores, lock, open_stores

LOOPBACK = "127.0.0.1"
PAGES_URL = "JAMEL_PAGES_URL"
"""Variable of runs of deployments: where the pages below build/ are shown."""
START_TIMEOUT_S = 300.0
"""A worker registers every deployment first, which takes minutes on a busy machine."""
STOP_TIMEOUT_S = 20.0
"""A run that is stopped tells Prefect so before it goes."""
LOOK_EVERY_S = 1.0
LAST_LINES = 5
LEASES = "PREFECT_SERVER_CONCURRENCY_LEASE_STORAGE"
LEASES_ON_DISK = "prefect.server.concurrency.lease_storage.filesystem"
"""A server that is killed otherwise forgets who holds slots, which then stay occupied for good."""
ADMIN_PASSWORD, FORMS_KEY = "MLFLOW_AUTH_ADMIN_PASSWORD", "MLFLOW_FLASK_SERVER_SECRET_KEY"
NO_JOBS = MappingProxyType({"MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"})
"""MLflow else starts eight more processes, of two gigabytes, for jobs that judge traces: nothing
here asks for them, and their queue is pickled."""
LOGIN = """[mlflow]
default_permission = READ
database_uri = {database}
admin_username = admin
authorization_function = mlflow.server.auth:authenticate_request_basic_auth
"""
"""Everybody who has a login may read; the administrator gives more."""


class Service(NamedTuple):
    """One program: what it shows, how it is started, and where it answers."""

    name: str
    command: list[str]
    port: int
    page: str = "/"
    environment: Mapping[str, str] = MappingProxyType({})

    @property
    def url(self) -> str:
        """Where to point a browser."""
        return f"http://{LOOPBACK}:{self.port}{self.page}"


def services(
    project: Layout, stores: Stores, first_port: int, login: bool = False
) -> list[Service]:
    """The three programs on free ports from `first_port` up; `login` is asked for by MLflow's."""
    mlflow, prefect, pages = free_ports(first_port, 3)
    files = [sys.executable, "-m", "http.server", str(pages), "--bind", LOOPBACK]
    return [
        mlflow_service(stores, mlflow, login),
        prefect_service(prefect),
        Service("report, data docs", [*files, "--directory", str(project.build)], pages),
    ]


def mlflow_service(stores: Stores, port: int, login: bool = False) -> Service:
    """MLflow's pages; raises StoreError where a login is asked for and nobody could log in."""
    command = [
        *[sys.executable, "-m", "mlflow", "server", "--workers", "1"],
        *["--host", LOOPBACK, "--port", str(port)],
        *["--backend-store-uri", stores.mlflow_uri],
        *["--artifacts-destination", stores.elsewhere.artifacts or str(stores.mlflow_artifacts)],
    ]
    if not login:
        return Service("MLflow", command, port, environment=NO_JOBS)
    command += ["--app-name", "basic-auth"]
    return Service("MLflow", command, port, environment={**NO_JOBS, **_login(stores)})


def _login(stores: Stores) -> dict[str, str]:
    """What MLflow's login needs; the first administrator's password is in the environment alone."""
    users = stores.mlflow_users_db
    if importlib.util.find_spec("flask_wtf") is None:
        raise StoreError(
            "expected Flask-WTF for MLflow's login, found that it is not installed. Run `pip "
            "install -c constraints.txt -e '.[cluster]'`."
        )
    if not (stores.elsewhere.mlflow or users.exists() or os.environ.get(ADMIN_PASSWORD)):
        raise StoreError(
            f"expected a password for MLflow's user 'admin' in {ADMIN_PASSWORD}, found none. Set "
            "it for the first start; later it is changed on the page."
        )
    # A shared database keeps users in tables of its own, beside MLflow's.
    database = stores.elsewhere.mlflow or f"sqlite:///{users}"
    ini = stores.folder / "mlflow-login.ini"
    write_text(ini, LOGIN.format(database=database))
    # It signs forms; with a new one, a page that was open is loaded anew.
    key = os.environ.get(FORMS_KEY) or secrets.token_hex(32)
    return {"MLFLOW_AUTH_CONFIG_PATH": str(ini), FORMS_KEY: key}


def prefect_service(port: int) -> Service:
    """Prefect's server and its pages."""
    server = [sys.executable, "-m", "prefect", "server", "start"]
    server += ["--host", LOOPBACK, "--port", str(port)]
    return Service("Prefect", server, port, environment={LEASES: LEASES_ON_DISK})


def worker(first_port: int) -> Service:
    """The program that registers the deployments of prefect.yaml and runs them when they are due.

    Its port only says that it is ready. It finds Prefect by PREFECT_API_URL.
    """
    (port,) = free_ports(first_port, 1)
    return Service("worker", [sys.executable, "-m", "pipelines.worker"], port, "/health")


def free_ports(first: int, count: int) -> list[int]:
    """`count` ports on loopback that nothing listens on, from `first` up; raises StoreError."""
    found: list[int] = []
    for port in range(first, 65536):
        if len(found) == count:
            return found
        with socket.socket() as probe, suppress(OSError):
            # As servers do it: a connection that lingers in TIME_WAIT is no listener.
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((LOOPBACK, port))
            found.append(port)
    raise StoreError(
        f"expected {count} free ports from {first} up, found {len(found)}. Name a lower first port."
    )


def serve_all(
    project: Layout, first_port: int, *, login: bool = False, schedule: bool = False
) -> None:
    """Start every service, print where each answers, and stop them all on Ctrl-C or SIGTERM.

    Args:
        project: whose stores and pages are served.
        first_port: the first port to try.
        login: MLflow asks for one; the other pages have none.
        schedule: also run a worker for the deployments of prefect.yaml.

    Raises:
        Busy: another process runs the deployments of this project.
        StoreError: the stores are missing, or a service does not answer.
    """
    stores = open_stores(project.root)
    project.build.mkdir(parents=True, exist_ok=True)
    alone: AbstractContextManager[object]
    alone = lock(stores.root, "serve") if schedule else nullcontext()
    with until_stopped(), alone:
        mark = _after_the_killed(stores, "serve" if schedule else "ui")
        wanted = services(project, stores, first_port, login)
        with running(wanted, stores, mark) as started:
            _tell(project, wanted)
            api = f"http://{LOOPBACK}:{wanted[1].port}/api"
            more = {"PREFECT_API_URL": api, PAGES_URL: wanted[-1].url, **mark}
            workers = [worker(wanted[-1].port + 1)] if schedule else []
            with running(workers, stores, more) as also_started:
                if schedule:
                    print(f"{'deployments':20} run by a worker; its log is in {stores.logs}")
                    print(f"{'PREFECT_API_URL':20} {api}")
                print("Ctrl-C stops them.", flush=True)
                _wait(
                    [*zip(wanted, started, strict=True), *zip(workers, also_started, strict=True)],
                    stores.logs,
                )


def _after_the_killed(stores: Stores, verb: str) -> dict[str, str]:
    """End what killed ones of this project left running; gives a mark for all that this starts.

    A second worker would take the runs of theirs for dead.
    """
    folder = stores.root.stat()
    # Not the path, which is another project's in a container, where numbers are of others, too.
    kind = f"{verb}-{folder.st_dev}-{folder.st_ino}-{namespace()}-"
    if ended := end_left(kind, STOP_TIMEOUT_S):
        print(f"{'ended':20} {ended} processes that a killed `jamel {verb}` left", flush=True)
    return marked(os.environ, kind + this_process())


def _tell(project: Layout, started: list[Service]) -> None:
    for service in started:
        print(f"{service.name:20} {service.url}", flush=True)
    for page in pages_of(project):
        print(f"{'':20} {started[-1].url}{page}", flush=True)


def pages_of(project: Layout) -> list[str]:
    """The pages that every profile's runs have made, relative to build/."""
    names = ("evaluation/report.html", "validation/docs/index.html")
    found = [path for name in names for path in sorted(project.build.glob(f"*/{name}"))]
    return [path.relative_to(project.build).as_posix() for path in found]


@contextmanager
def running(
    wanted: list[Service], stores: Stores, more: Mapping[str, str] = MappingProxyType({})
) -> Iterator[list[subprocess.Popen[bytes]]]:
    """Run the services, each in a process group of its own; end all of it whatever happens.

    What a service started ends even where the service itself was killed. `more` are variables of
    their environment.
    """
    stores.logs.mkdir(parents=True, exist_ok=True)
    processes: list[subprocess.Popen[bytes]] = []
    mark = secrets.token_hex(8)
    more = {**more, **marked({**os.environ, **more}, mark)}
    try:
        for service in wanted:
            processes.append(_spawn(service, stores, more))
        for service, process in zip(wanted, processes, strict=True):
            _await_port(service, process, stores.logs)
        yield processes
    finally:
        # Ctrl-C while a failure is cleaned up would leave processes, and hide the failure.
        with _on_signals(signal.SIG_IGN):
            end(mark, STOP_TIMEOUT_S)
            for process in processes:
                process.wait()


def _log(service: Service, logs: Path) -> Path:
    return logs / f"{service.name.split(',')[0].lower()}.log"


def _spawn(service: Service, stores: Stores, more: Mapping[str, str]) -> subprocess.Popen[bytes]:
    environment = os.environ | TELEMETRY_OFF | stores.for_mlflow | stores.for_prefect
    environment |= service.environment
    # Prefect's page would otherwise ask the default port for its data.
    environment["PREFECT_UI_API_URL"] = f"http://{LOOPBACK}:{service.port}/api"
    environment |= {"PREFECT_WORKER_WEBSERVER_HOST": LOOPBACK}
    environment |= {"PREFECT_WORKER_WEBSERVER_PORT": str(service.port), **more}
    with _log(service, stores.logs).open("wb") as output:
        return subprocess.Popen(
            service.command,
            env=environment,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )


def _await_port(service: Service, process: subprocess.Popen[bytes], logs: Path) -> None:
    deadline = time.monotonic() + START_TIMEOUT_S
    while time.monotonic() < deadline:
        if process.poll() is not None:
            break
        with suppress(OSError), socket.create_connection((LOOPBACK, service.port), timeout=1):
            return
        time.sleep(0.2)
    raise StoreError(
        f"expected {service.name} to answer on port {service.port} within {START_TIMEOUT_S:.0f} s, "
        f"found that it {_fate(service, process, logs)}"
    )


def _fate(service: Service, process: subprocess.Popen[bytes], logs: Path) -> str:
    """What became of a service, and the end of what it wrote."""
    ended = process.poll()
    found = "does not" if ended is None else f"ended with status {ended}"
    log = _log(service, logs)
    said = log.read_text(encoding="utf-8", errors="replace").strip().splitlines()
    last = "\n".join(f"  {line}" for line in said[-LAST_LINES:]) or "  (nothing)"
    return f"{found}. Its output is in {log}, and ends with:\n{last}"


class _Stopped(BaseException):
    """Ctrl-C or SIGTERM arrived. No Exception: nothing on the way may swallow it."""


@contextmanager
def until_stopped() -> Iterator[None]:
    """Leave the block quietly, with its clean-up, when Ctrl-C or SIGTERM arrives in it."""

    def stop(number: int, frame: FrameType | None) -> None:
        # Once is enough: a second Ctrl-C must not cut the clean-up short.
        for each in before:
            signal.signal(each, signal.SIG_IGN)
        raise _Stopped

    with _on_signals(stop) as before, suppress(_Stopped):
        yield


@contextmanager
def _on_signals(handler: Any) -> Iterator[dict[signal.Signals, Any]]:
    """Handle what stops a program otherwise in the block; gives the handlers of before."""
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    for number in before:
        signal.signal(number, handler)
    try:
        yield before
    finally:
        for number, former in before.items():
            signal.signal(number, former)


def _wait(started: list[tuple[Service, subprocess.Popen[bytes]]], logs: Path) -> None:
    """Do nothing until a signal ends the surrounding `until_stopped` block.

    Raises:
        StoreError: a service has ended by itself.
    """
    while True:
        for service, process in started:
            if process.poll() is not None:
                raise StoreError(
                    f"expected {service.name} to run until it is stopped, found that it "
                    f"{_fate(service, process, logs)}"
                )
        time.sleep(LOOK_EVERY_S)
