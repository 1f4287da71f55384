"""YAML profiles as frozen configuration objects, passed explicitly.

`profile` has the sections with their defaults, `agents` those of the agents, `loading` reads them.
"""

from jamel.config.agents import (
    AgentsConfig,
    FastbotConfig,
    LlmConfig,
    MonkeyConfig,
    PlannerConfig,
    PolicyConfig,
    TriesConfig,
)
from jamel.config.loading import (
    config_digest,
    load_config,
    override,
    parse_config,
    read_yaml,
    with_key,
)
from jamel.config.profile import (
    MODEL_NAME,
    PACKAGE,
    BrowserConfig,
    CalibrateConfig,
    CollectConfig,
    Config,
    DeviceConfig,
    EmulatorConfig,
    EvaluateConfig,
    FaultKind,
    FaultsConfig,
    GateConfig,
    LabelConfig,
    LabelKind,
    ModelConfig,
    RoundsConfig,
    StudyConfig,
    TrainConfig,
)
from jamel.config.section import Section

__all__ = [
    "MODEL_NAME",
    "PACKAGE",
    "AgentsConfig",
    "BrowserConfig",
    "CalibrateConfig",
    "CollectConfig",
    "Config",
    "DeviceConfig",
    "EmulatorConfig",
    "EvaluateConfig",
    "FastbotConfig",
    "FaultKind",
    "FaultsConfig",
    "GateConfig",
    "LabelConfig",
    "LabelKind",
    "LlmConfig",
    "ModelConfig",
    "MonkeyConfig",
    "PlannerConfig",
    "PolicyConfig",
    "RoundsConfig",
    "Section",
    "StudyConfig",
    "TrainConfig",
    "TriesConfig",
    "config_digest",
    "load_config",
    "override",
    "parse_config",
    "read_yaml",
    "with_key",
]
