"""Coverage: which probes were executed, independent of the backend that reported them."""

from jamel.coverage.probes import ClassProbes, ProbeSet

__all__ = ["ClassProbes", "ProbeSet"]
