"""The least of a profile that goes through every step of the loop."""

SMALLEST = {
    "collect": {"apps": 2, "steps": 6, "agents": ["random"], "workers": 1},
    "label": {"lookahead": 1, "search_depth": 1},
    "model": {"width": 16, "heads": 2, "hash_buckets": 64},
    "train": {"updates": 2, "batch_sessions": 2, "warmup": 1, "checkpoint_every": 2},
    "rounds": {"on_policy": 0},
    "calibrate": {"apps": 0},
    "evaluate": {"suite": "valid", "agents": ["random", "jamel"], "seeds": [0], "budget": 6}
    | {"apps": 2, "bootstrap": 50, "workers": 1},
    "gate": {"better_than": ["random"]},
    "tracking": {"system_metrics_s": 0},
}
