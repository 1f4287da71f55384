"""A real HTTP server on loopback that speaks the chat completions protocol, as told by a script."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Reply = Callable[[BaseHTTPRequestHandler, dict[str, Any]], None]


@dataclass
class Endpoint:
    """Where it listens and what it was asked: (path, headers, body) of each request."""

    base_url: str
    asked: list[tuple[str, dict[str, str], dict[str, Any]]] = field(default_factory=list)


def says(text: str, tokens: int | None = 7) -> Reply:
    """A completion with this content."""

    def reply(handler: BaseHTTPRequestHandler, body: dict[str, Any]) -> None:
        told: dict[str, Any] = {
            "id": "chatcmpl-1",
            "object": "chat.completion",
            "model": body["model"],
            "choices": [
                {
                    "index": 0,
                    "finish_reason": "stop",
                    "message": {"role": "assistant", "content": text},
                }
            ],
        }
        if tokens is not None:
            told["usage"] = {"prompt_tokens": tokens, "completion_tokens": 3, "total_tokens": 10}
        sends(json.dumps(told).encode())(handler, body)

    return reply


def sends(raw: bytes, status: int = 200, **headers: str) -> Reply:
    """These bytes with this status."""

    def reply(handler: BaseHTTPRequestHandler, body: dict[str, Any]) -> None:
        handler.send_response(status)
        for name, value in headers.items():
            handler.send_header(name.replace("_", "-"), value)
        handler.send_header("Content-Length", str(len(raw)))
        handler.end_headers()
        handler.wfile.write(raw)

    return reply


def hangs_up(handler: BaseHTTPRequestHandler, body: dict[str, Any]) -> None:
    """No answer at all."""
    handler.close_connection = True
    handler.connection.close()


def drips(handler: BaseHTTPRequestHandler, body: dict[str, Any]) -> None:
    """A byte of an endless answer every 50 ms, which no timeout of a single read notices."""
    handler.send_response(200)
    handler.send_header("Content-Length", "1000000")
    handler.end_headers()
    for _ in range(200):
        handler.wfile.write(b" ")
        handler.wfile.flush()
        time.sleep(0.05)


@contextmanager
def chat_server(*replies: Reply) -> Iterator[Endpoint]:
    """Answers in turn; the last reply is given to whatever else is asked."""
    endpoint = Endpoint("")

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            length = int(self.headers["Content-Length"])
            body = json.loads(self.rfile.read(length))
            endpoint.asked.append((self.path, dict(self.headers), body))
            try:
                replies[min(len(endpoint.asked), len(replies)) - 1](self, body)
            except OSError:
                self.close_connection = True

        def log_message(self, format: str, *args: Any) -> None:
            return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    server.handle_error = lambda *_: None  # type: ignore[method-assign]
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    endpoint.base_url = f"http://127.0.0.1:{server.server_address[1]}/v1"
    try:
        yield endpoint
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
