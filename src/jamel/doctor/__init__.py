"""What is missing here, each finding with what to do about it: the machine's, and Android's."""

from jamel.doctor.android import diagnose_android
from jamel.doctor.check import Check
from jamel.doctor.machine import diagnose

__all__ = ["Check", "diagnose", "diagnose_android"]
