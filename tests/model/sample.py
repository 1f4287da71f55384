"""Recorded sessions of an embedded app, with made-up labels."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from jamel.agents import make_agent
from jamel.envs.android import make_env
from jamel.envs.base import candidates
from jamel.model.configuration import JamelConfig
from jamel.model.processing import Featurizer
from jamel.model.sequences import LabelledSequence, StepLabels, sequence
from jamel.rollout import rollout
from jamel.suites import app_spec
from jamel.types import Session, Transition


@lru_cache(maxsize=4)
def session(steps: int, seed: int = 0) -> Session:
    env = make_env(app_spec(f"train/{seed}"))
    agent = make_agent("random", seed=seed)
    name = f"train-{seed:03d}-random-s{seed}"
    return rollout(agent, env, seed=seed, budget=steps, session_id=name, suite="train")


def recorded(steps: int) -> list[Transition]:
    return session(steps).transitions()


def made_up_labels(transitions: list[Transition]) -> StepLabels:
    generator = np.random.default_rng(0)
    sizes = [len(candidates(step.observation)) for step in transitions]
    q = [generator.random(size).round(2).tolist() for size in sizes]
    novel = [[value > 0.5 for value in values] for values in q]
    return StepLabels(q, novel, [1.0] * len(sizes), [1.0] * len(sizes), [True] * len(sizes))


def sequences_of(
    config: JamelConfig, steps: int, transitions: list[Transition] | None = None
) -> tuple[list[Transition], Featurizer, LabelledSequence]:
    transitions = recorded(steps) if transitions is None else transitions
    featurizer = Featurizer(config.hash_buckets)
    labels = made_up_labels(transitions)
    return transitions, featurizer, sequence(config, featurizer, transitions, labels, candidates)
