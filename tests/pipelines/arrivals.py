"""Events as Prefect's server has them."""

from __future__ import annotations

import time
from typing import Any

from prefect.client.orchestration import get_client


def arrived(event: str, seconds: float = 60, **payload: str) -> dict[str, Any]:
    """The last event of the name with that in its payload, once Prefect's server has one."""
    deadline = time.monotonic() + seconds
    with get_client(sync_client=True) as client:
        while True:
            wanted = {"filter": {"event": {"name": [event]}}, "limit": 50}
            for found in client.request("POST", "/events/filter", json=wanted).json()["events"]:
                if payload.items() <= found["payload"].items():
                    return dict(found)
            assert time.monotonic() < deadline, f"{event} did not arrive"
            time.sleep(0.2)
