"""Pictures of an app's different screens, as a short exploration comes across them.

Knows agents and environments; nothing of learning. For people who want to see what agents see.
"""

from __future__ import annotations

from pathlib import Path

from jamel.disk import write_bytes
from jamel.types import Observation

AGENT = "planner"


def draw_gallery(app: str, out_dir: Path, steps: int = 40) -> list[Path]:
    """Explore `app` ("test/0") for `steps` actions; one PNG for each layout that was not seen yet.

    Returns:
        The pictures in the order in which the screens were met.
    """
    from jamel.agents import make_agent
    from jamel.envs.android import make_env
    from jamel.suites import app_spec

    agent, env = make_agent(AGENT), make_env(app_spec(app), screenshots=True)
    pictures: dict[tuple, Path] = {}
    try:
        observation, _ = env.reset(seed=0)
        agent.reset(0)
        for _ in range(steps + 1):
            _keep(observation, out_dir, pictures)
            bare = observation._replace(screenshot_png=None)
            observation, _, _, _, info = env.step(agent.act(bare))
            agent.observe_result(observation, bool(info["executed"]))
    finally:
        env.close()
    return list(pictures.values())


def _keep(observation: Observation, out_dir: Path, pictures: dict[tuple, Path]) -> None:
    layout = (observation.activity, *(element.resource_id for element in observation.elements))
    if layout in pictures or observation.screenshot_png is None:
        return
    path = out_dir / f"screen-{len(pictures):03d}.png"
    pictures[layout] = write_bytes(path, observation.screenshot_png)
