"""Apps of the embedded device: composed by seed from features, instrumented at every branch."""

from jamel.virtual_device.apps.app import App
from jamel.virtual_device.apps.compose import AppSpec, FeatureSpec, build_app
from jamel.virtual_device.apps.state import AppSnapshot

__all__ = ["App", "AppSnapshot", "AppSpec", "FeatureSpec", "build_app"]
