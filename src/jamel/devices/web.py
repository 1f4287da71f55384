"""The world of web apps: those of a manifest, in splits, and whatever a person names."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jamel.devices.world import World
from jamel.envs.linked import LinkedEnv
from jamel.errors import ConfigError, DeviceError, DeviceMissing
from jamel.web_apps import (
    MANIFEST_FILE,
    Manifest,
    WebApp,
    app_build,
    app_folder,
    apps_of,
    load_manifest,
    named,
    require_fetched,
)

if TYPE_CHECKING:
    from jamel.envs.web.env import WebEnv

ADDRESS = ("http://", "https://")


def is_web(app: str) -> bool:
    """Whether an app's name is an address, or a folder with a first page."""
    # No name is the present folder, whatever lies there.
    return app.startswith(ADDRESS) or bool(app and (Path(app) / "index.html").is_file())


class Web(World):
    """Apps such as `web-test/ace-builds`, an address, or a folder; each in a Chromium."""

    metrics = ("probes", "reward", "coverage")
    coverage_of = "blocks of the scripts that a session met"

    @property
    def manifest(self) -> Manifest:
        """The apps there are."""
        return load_manifest(Path(self.device.browser.manifest or MANIFEST_FILE))

    def check_suite(self, suite: str) -> None:
        """Some app of the manifest is in that split."""
        apps_of(self.manifest, suite)

    def require_tunable(self, suite: str) -> None:
        """A split whose name ends in `test` is kept for testing."""
        apps_of(self.manifest, suite)
        if suite.endswith("test"):
            raise ConfigError(
                f"expected a split to tune on, found {suite!r}, which is kept for testing: what "
                "was chosen by it says nothing about unseen apps. Take 'web-valid'."
            )

    def app_names(self, suite: str, count: int | None = None) -> list[str]:
        """Those of the split, in the manifest's order."""
        apps = apps_of(self.manifest, suite)
        if count is not None and count > len(apps):
            raise ConfigError(
                f"expected an app of '{suite}' below {len(apps)}, found {count - 1}. Name fewer "
                f"apps, or add some to {self.manifest.path}."
            )
        return [f"{suite}/{app.name}" for app in apps[:count]]

    def app_name(self, suite: str, number: int) -> str:
        """Sessions take the apps in turn."""
        apps = apps_of(self.manifest, suite)
        return f"{suite}/{apps[number % len(apps)].name}"

    def named(self, app: str) -> str:
        """An address and a folder are names; of an app of the manifest its own name is enough."""
        if is_web(app):
            return app
        (found,) = named(self.manifest, [app.rpartition("/")[2]])
        return f"{found.split}/{found.name}"

    def build(self, app: str) -> str:
        """The lock and what is laid over the package."""
        return app_build(self._app(app))

    def open(self, app: str, number: int = 0, attempt: int = 0) -> WebEnv:
        """In the browser of this process; arguments as of `World.open`."""
        if find_spec("playwright") is None or find_spec("tree_sitter_javascript") is None:
            raise DeviceMissing(
                "Expected Playwright to drive a browser, found it is not installed. Run "
                "`make setup`."
            )
        from jamel.envs.web.env import open_address, open_folder

        if app.startswith(ADDRESS):
            return open_address(app, app=app, **self._options())
        if is_web(app):
            return open_folder(Path(app), app=app, **self._options())
        entry = self._app(app)
        if entry.address:
            return open_address(entry.address, app=app, **self._options())
        require_fetched(entry)
        build = app_build(entry)
        return open_folder(app_folder(entry), entry.start, app=app, build=build, **self._options())

    def known_probes(self, app: str, env: LinkedEnv) -> int:
        """All blocks of the scripts that the session met."""
        return env.total_probes

    def family(self, app: str) -> str:
        """The package that it comes from, in whatever version; else its own name."""
        found = self._app(app)
        package = found.package
        return found.name if package is None else package.name

    def require_snapshots(self) -> None:
        """A browser takes none."""
        raise DeviceError(
            "Expected devices that take snapshots, found a browser. Set label.kind: return."
        )

    def _app(self, app: str) -> WebApp:
        suite, _, name = app.rpartition("/")
        (found,) = named(self.manifest, [name])
        if found.split != suite:
            raise ConfigError(f"expected {found.split}/{name} of the manifest, found {app!r}.")
        return found

    def _options(self) -> dict[str, Any]:
        """What every way to open an app is given."""
        device = self.device
        return {
            "browser": device.browser.executable,
            "screenshots": device.screenshots,
            "timeout_s": device.step_timeout_s,
            "settle_s": device.browser.settle_s,
            "sources": Path(device.browser.sources) if device.browser.sources else None,
        }
