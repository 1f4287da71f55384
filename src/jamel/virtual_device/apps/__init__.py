"""Apps of the embedded device: composed by seed from features, instrumented at every branch."""

from jamel.virtual_device.apps.app import App, AppSnapshot
from jamel.virtual_device.apps.compose import AppSpec, FeatureSpec, build_app

__all__ = ["App", "AppSnapshot", "AppSpec", "FeatureSpec", "build_app"]
