"""How fast web apps are explored: two processes, an app of its own each, random actions.

Knows nothing of learning. Time is split by what a step waited for, see `WebLink.spent_s`.
"""

from __future__ import annotations

import multiprocessing
import random
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from importlib.util import find_spec
from pathlib import Path
from threading import Barrier
from typing import Any, NamedTuple

from jamel.errors import DeviceMissing

PROCESSES = 2
WARM_STEPS = 20
START_S = 180.0
PARTS = ("browser", "coverage", "tree")
PAGE = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>Tasks</title>
<nav id="tabs"></nav>
<input id="search" placeholder="Search">
<main id="main"></main>
<div id="menu" hidden></div>
<dialog id="editor"><form method="dialog">
  <label>Name <input id="name"></label>
  <select id="weight"><option>low<option>middle<option>high</select>
  <button id="keep">Keep</button><button>Cancel</button>
</form></dialog>
<script>
  const at = (id) => document.getElementById(id);
  const WEIGHTS = ["low", "middle", "high"];
  let tasks = Array.from({ length: 24 }, (_, n) => (
    { name: "Task " + n, done: n % 3 === 0, weight: WEIGHTS[n % 3] }));
  let tab = "open", backwards = false, sought = "";
  const button = (text, run) => {
    const made = document.createElement("button");
    made.textContent = text;
    made.addEventListener("click", () => { run(); draw(); });
    return made;
  };
  const edit = (task) => {
    at("name").value = task.name;
    at("weight").value = task.weight;
    at("editor").showModal();
    at("keep").onclick = () => {
      if (at("name").value) { task.name = at("name").value; } else { task.name = "?"; }
      task.weight = at("weight").value;
      draw();
    };
  };
  const row = (task) => {
    const made = document.createElement("li"), box = document.createElement("input");
    box.type = "checkbox";
    box.checked = task.done;
    box.ariaLabel = "Done: " + task.name;
    box.addEventListener("change", () => { task.done = box.checked; draw(); });
    made.append(box, task.name + ", " + task.weight, button("Edit", () => edit(task)));
    made.append(button("Remove", () => { tasks = tasks.filter((other) => other !== task); }));
    return made;
  };
  const settings = () => ["Dark", "Large", "Quiet"].map((name) => {
    const made = document.createElement("label"), box = document.createElement("input");
    box.type = "checkbox";
    box.addEventListener("change", () => {
      if (name === "Dark") document.body.style.background = box.checked ? "gray" : "";
      else if (name === "Large") document.body.style.fontSize = box.checked ? "20px" : "";
    });
    made.append(box, name);
    return made;
  });
  const shown = () => {
    const found = tasks.filter((task) => tab === "all" || task.done === (tab === "done"));
    const fitting = found.filter((task) => !sought || task.name.includes(sought));
    return backwards ? fitting.reverse() : fitting;
  };
  function draw() {
    at("tabs").replaceChildren(
      ...["open", "done", "all", "settings"].map((name) => button(name, () => { tab = name; })),
      button("Menu", () => { at("menu").hidden = !at("menu").hidden; }));
    if (tab === "settings") { at("main").replaceChildren(...settings()); return; }
    const list = document.createElement("ul");
    list.append(...shown().map(row));
    at("main").replaceChildren(list, button("Add", () => {
      const task = { name: "New", done: false, weight: "low" };
      tasks.push(task);
      edit(task);
    }));
  }
  at("menu").append(button("Turn around", () => { backwards = !backwards; }));
  at("menu").append(button("Clear", () => { if (confirm("Clear?")) tasks = []; }));
  at("search").addEventListener("input", () => { sought = at("search").value; draw(); });
  draw();
</script>
"""


class Walk(NamedTuple):
    """What one process did: its steps, how long they took, and what they waited for."""

    steps: int
    wall_s: float
    spent_s: dict[str, float]


def web_speed(at_least_s: float) -> dict[str, Any]:
    """Steps a second of all processes together, and the shares of where the time of a step goes.

    Raises:
        DeviceMissing: There is no Chromium, or what drives it is not installed.
        DeviceError: It does not start.
    """
    if find_spec("playwright") is None or find_spec("tree_sitter_javascript") is None:
        raise DeviceMissing(
            "Expected jamel's web extra, found it not installed. Run `pip install 'jamel[web]'`."
        )
    from jamel.envs.web.chromium import find_chromium

    find_chromium()
    spawn = multiprocessing.get_context("spawn")
    with (
        tempfile.TemporaryDirectory() as folder,
        ProcessPoolExecutor(PROCESSES, spawn, _meet_at, (spawn.Barrier(PROCESSES),)) as pool,
    ):
        (Path(folder) / "index.html").write_text(PAGE, encoding="utf-8")
        walks = [pool.submit(_together, Path(folder), n, at_least_s) for n in range(PROCESSES)]
        return summary([walk.result() for walk in walks])


def summary(walks: list[Walk]) -> dict[str, Any]:
    """The figures of walks at the same time; the agent's share is what nothing else took."""
    wall_s = sum(walk.wall_s for walk in walks)
    spent = {part: sum(walk.spent_s[part] for walk in walks) for part in PARTS}
    spent["agent"] = wall_s - sum(spent.values())
    speed = sum(walk.steps / walk.wall_s for walk in walks)
    shares = {f"web_share_{part}": round(spent[part] / wall_s, 3) for part in (*PARTS, "agent")}
    return {"web_steps_per_s": round(speed, 2), **shares}


_start: list[Barrier] = []


def _meet_at(barrier: Barrier) -> None:
    _start.append(barrier)


def _together(folder: Path, seed: int, at_least_s: float) -> Walk:
    try:
        return walk(folder, seed, at_least_s, _start[0])
    except BaseException:
        # The others must not wait for one that never comes.
        _start[0].abort()
        raise


def walk(folder: Path, seed: int, at_least_s: float, start: Barrier | None = None) -> Walk:
    """Random actions for a while, once warm and once everybody is."""
    from jamel.envs.base import candidates
    from jamel.envs.web.env import close_browsers, open_folder

    choose = random.Random(seed).choice
    env = open_folder(folder)
    try:
        seen, _ = env.reset()
        for _ in range(WARM_STEPS):
            seen = env.step(choose(candidates(seen)))[0]
        if start is not None:
            start.wait(START_S)
        before, began, steps = dict(env.link.spent_s), time.perf_counter(), 0
        while (wall_s := time.perf_counter() - began) < at_least_s or not steps:
            seen = env.step(choose(candidates(seen)))[0]
            steps += 1
        spent = {part: env.link.spent_s[part] - before[part] for part in PARTS}
        return Walk(steps, wall_s, spent)
    finally:
        env.close()
        close_browsers()
