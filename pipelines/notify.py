"""Messages to a webhook when a run fails, the gate decides against a version or asks a person,
a champion falls or an app has a new build.

`python -m pipelines.notify`, with PREFECT_API_URL set and the address in JAMEL_WEBHOOK, makes
Prefect's own automations for that, or points those that are there at another address; they live on
the server from then on.
"""

from __future__ import annotations

import argparse
import os
from datetime import timedelta
from urllib.parse import urlsplit
from uuid import UUID

from prefect.blocks.webhook import Webhook
from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.events.actions import CallWebhook
from prefect.events.schemas.automations import AutomationCore, EventTrigger, Posture

from pipelines.events import BUILD_CHANGED, CHAMPION_FELL, GATE_REFUSED, VERSION_WAITS

BLOCK = "jamel"
WEBHOOK = "JAMEL_WEBHOOK"
"""Variable with the address, which for chat services is a secret: arguments are seen by `ps`."""
MESSAGES = {
    "jamel: a run failed": (
        {"prefect.flow-run.Failed", "prefect.flow-run.Crashed", "prefect.flow-run.TimedOut"},
        "prefect.flow-run.*",
        ["flow.name", "flow_run.name", "flow_run.state.name", "flow_run.state.message"],
    ),
    "jamel: the gate refused": (
        {GATE_REFUSED},
        "jamel.model.*",
        ["event.payload.model", "event.payload.version", "event.payload.verdict"],
    ),
    "jamel: a version waits for approval": (
        {VERSION_WAITS},
        "jamel.model.*",
        ["event.payload.model", "event.payload.version", "event.payload.verdict"],
    ),
    "jamel: an app has a new build": (
        {BUILD_CHANGED},
        "jamel.app.*",
        ["event.payload.app", "event.payload.build"],
    ),
    "jamel: the champion fell": (
        {CHAMPION_FELL},
        "jamel.model.*",
        ["event.payload.model", "event.payload.version", "event.payload.fell"],
    ),
}
"""Automation -> the events, the resources they are about, and what the message tells."""


def main() -> None:
    """Entry point of `python -m pipelines.notify`."""
    parser = argparse.ArgumentParser(prog="python -m pipelines.notify", description=__doc__)
    parser.add_argument(
        "url",
        nargs="?",
        default=os.environ.get(WEBHOOK),
        help="gets a POST with JSON, {text: ...}, as chat services take it; "
        f"by default the address in {WEBHOOK}",
    )
    url = parser.parse_args().url
    host = urlsplit(url or "").hostname
    if not host:
        parser.error(
            "expected the address of a webhook, as https://..., found "
            f"{'one without a host' if url else 'none'}. Set {WEBHOOK} to it."
        )
    headers = {"Content-Type": "application/json"}
    block = Webhook(url=url, headers=headers).save(BLOCK, overwrite=True)
    with get_client(sync_client=True) as client:
        for automation in automations(block):
            put(client, automation)
            print(f"{automation.name}: POST to {urlsplit(url).scheme}://{host}")


def automations(block: UUID) -> list[AutomationCore]:
    """The automations, which call a saved webhook."""
    return [
        AutomationCore(
            name=name,
            trigger=EventTrigger(
                expect=events,
                match={"prefect.resource.id": resource},
                posture=Posture.Reactive,
                threshold=1,
                within=timedelta(0),
            ),
            actions=[CallWebhook(block_document_id=block, payload=message(name, parts))],
        )
        for name, (events, resource, parts) in MESSAGES.items()
    ]


def message(title: str, parts: list[str]) -> str:
    """A template that gives a JSON object whatever the parts contain."""
    told = " ~ ' ' ~ ".join(parts)
    return f'{{"text": {{{{ ("{title}: " ~ {told}) | tojson }}}}}}'


def put(client: SyncPrefectClient, automation: AutomationCore) -> None:
    """Create the automation, or replace the one of its name."""
    there = client.read_automations_by_name(automation.name)
    if there:
        client.update_automation(there[0].id, automation)
    else:
        client.create_automation(automation)


if __name__ == "__main__":
    main()
