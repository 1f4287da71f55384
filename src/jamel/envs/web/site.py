"""A folder served on loopback, read-only, for as long as its pages are explored.

Knows nothing of browsers. Nothing outside the folder is handed out, whatever a request says.
"""

from __future__ import annotations

import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from jamel.errors import AppMissing


class _Handler(SimpleHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def translate_path(self, path: str) -> str:
        """The file of a request; what lies outside of the folder is not there."""
        found = Path(super().translate_path(path))
        inside = Path(self.directory).resolve()
        return str(found) if found.resolve().is_relative_to(inside) else str(inside / "404" / "404")

    def list_directory(self, path: Any) -> None:
        """Folders are not listed."""
        self.send_error(404, "No such page")

    def end_headers(self) -> None:
        """Nothing is cached, or sessions would depend on earlier ones."""
        self.send_header("Cache-Control", "no-store")
        super().end_headers()

    def log_message(self, *_: Any) -> None:
        """Requests are not logged."""


class Site:
    """Serves `folder` on a free port of 127.0.0.1."""

    def __init__(self, folder: Path) -> None:
        if not folder.is_dir():
            raise AppMissing(
                f"Expected an app's pages in {folder}, found no such folder. Fetch it."
            )
        handler = partial(_Handler, directory=str(folder.resolve()))
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()

    @property
    def origin(self) -> str:
        """Such as http://127.0.0.1:40123."""
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def close(self) -> None:
        """Stop serving."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(5)
