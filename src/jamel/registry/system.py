"""The machine's load while a run is open, as metrics that MLflow shows beside the others.

Knows MLflow's own monitor and nothing of what is run. The figures are the whole machine's.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from jamel.registry.connection import connect


@contextmanager
def watched(root: Path | str, run_id: str, every_s: float) -> Iterator[None]:
    """Log `system/…` metrics of a run from a thread, every so many seconds; 0 is never."""
    if not every_s:
        yield
        return
    connect(root)
    # It tells of its start, its end and of every GPU that there is not.
    logging.getLogger("mlflow.system_metrics").setLevel(logging.WARNING)
    from mlflow.system_metrics.system_metrics_monitor import SystemMetricsMonitor

    monitor = SystemMetricsMonitor(run_id, sampling_interval=every_s)
    monitor.start()
    try:
        yield
    finally:
        monitor.finish()
