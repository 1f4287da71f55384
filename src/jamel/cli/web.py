"""The commands about web apps: which there are, and fetching them.

Each calls one library function; heavy imports wait until the command runs.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from jamel.cli.common import JsonOption, example, folder_lock, here, present
from jamel.cli.progress import progress_bar
from jamel.errors import ConfigError

web = typer.Typer(
    help="Third-party web apps: a manifest names them, npm and pip fetch them.",
    no_args_is_help=True,
)
ManifestOption = Annotated[
    Path | None, typer.Option("--manifest", help="Its YAML file; configs/web-apps.yaml by default.")
]


def register(app: typer.Typer) -> None:
    """Add this file's commands to the application."""
    web.command(epilog=example("jamel web fetch", "jamel web fetch ace-editor todo-vanilla"))(fetch)
    web.command("list", epilog=example("jamel web list", "jamel web list --json build/apps.json"))(
        list_apps
    )
    web.command(epilog=example("jamel web lock ace-builds@1.43.3 miniwob==1.1.0"))(lock)
    app.add_typer(web, name="web", epilog=example("jamel web fetch"))


def fetch(
    names: Annotated[list[str] | None, typer.Argument(help="Apps; all by default.")] = None,
    manifest: ManifestOption = None,
    json: JsonOption = None,
) -> None:
    """Fetch the manifest's packages into build/web-apps; what is there already is kept."""
    from jamel import web_apps
    from jamel.web_fetch import fetch as run

    listed = web_apps.load_manifest(manifest or web_apps.MANIFEST_FILE)
    with folder_lock(here().root, web_apps.FETCHED), progress_bar("fetch") as progress:
        rows = run(listed, names, progress)
    present(rows, f"Web apps in {web_apps.FETCHED}", json)


def list_apps(manifest: ManifestOption = None, json: JsonOption = None) -> None:
    """List the manifest's apps by split, and what of them is fetched."""
    from jamel import web_apps

    listed = web_apps.load_manifest(manifest or web_apps.MANIFEST_FILE)
    rows = [_row(app) for app in listed.apps]
    present(rows, f"Web apps of {listed.path}", json)


def _row(app: Any) -> dict[str, Any]:
    from jamel.web_apps import is_fetched
    from jamel.web_fetch import size_mb, source_text

    package = app.package
    return {
        "app": app.name,
        "split": app.split,
        "package": package.name if package else source_text(app),
        "version": package.version if package else "",
        "start": app.start if package or app.folder else "",
        "fetched": is_fetched(app),
        "MB": size_mb(app),
    }


def lock(
    packages: Annotated[
        list[str], typer.Argument(help="As npm or pip write them: NAME@VERSION, NAME==VERSION.")
    ],
    json: JsonOption = None,
) -> None:
    """Download packages and print their SHA-256, for the manifest; nothing is kept."""
    from jamel.web_apps import FETCHED, package_of
    from jamel.web_fetch import lock_of

    try:
        asked = [package_of("pypi" if "==" in text else "npm", text) for text in packages]
    except ValueError as error:
        raise ConfigError(f"{error}.") from None
    rows: list[dict[str, Any]] = []
    with folder_lock(here().root, FETCHED), progress_bar("lock") as progress:
        for package in asked:
            progress(len(rows), len(asked), package.text)
            rows.append({"package": package.text, "sha256": lock_of(package)})
        progress(len(rows), len(asked), "")
    present(rows, "Locks", json)
