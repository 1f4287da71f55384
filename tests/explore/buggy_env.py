"""The tiny app with a defect: opening `deep` crashes once the form was visited."""

from __future__ import annotations

from typing import Any

from jamel.types import Action, ActionKind, Observation
from tests.tiny_env import TinyEnv, element

TRACE = (
    "FATAL EXCEPTION: main\nProcess: tiny, PID: 7\n"
    "java.lang.IllegalStateException: form 3\n\tat tiny.Deep.onOpen(Deep.kt:12)\n\tat x.y(Z.kt:1)"
)
DIALOG = "Tiny has stopped"


class BuggyEnv(TinyEnv):
    """Shows Android's dialog after the crash; `info["crash"]` has the trace where `told`."""

    def __init__(self, told: bool = True, fixed: bool = False) -> None:
        self.told, self.fixed, self.resets = told, fixed, 0

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Observation, dict[str, Any]]:
        self.resets += 1
        self.crashed = False
        if options and options.get("new_session"):
            self.filled = False
        return super().reset(seed=seed, options=options)

    def step(self, action: Action) -> tuple[Observation, float, bool, bool, dict[str, Any]]:
        if self.crashed:
            self.crashed = action.kind not in (ActionKind.BACK, ActionKind.TAP, ActionKind.RESTART)
            self.stack = ["home"]
            return self._observe(), 0.0, False, False, {"executed": True, "invalid_reason": ""}
        _, reward, *ends, info = super().step(action)
        self.filled = self.filled or self.stack[-1] == "form"
        self.crashed = self.stack[-1] == "deep" and self.filled and not self.fixed
        if self.crashed and self.told:
            info["crash"] = TRACE
        return self._observe(), reward, ends[0], ends[1], info

    def _observe(self) -> Observation:
        if not self.crashed:
            return super()._observe()
        title = element(DIALOG, "android.widget.TextView")
        close = element("Close app", top=60)._replace(resource_id="android:id/aerr_close")
        return Observation("android", "", (title, close), (100, 400))
