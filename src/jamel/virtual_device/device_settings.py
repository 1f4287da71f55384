"""Android's settings provider: its three tables, and what they hold on a fresh emulator.

A table is kept in one dict, with keys such as `system/user_rotation`. Knows no commands.
"""

from __future__ import annotations

NAMESPACES = ("system", "secure", "global")
DELETED = "\0deleted"
"""The value of a setting that was there at first and is no longer."""
DEFAULTS = {
    "system/screen_brightness": "102", "system/screen_brightness_mode": "0",
    "system/accelerometer_rotation": "1", "system/user_rotation": "0", "system/font_scale": "1.0",
    "system/screen_off_timeout": "2147483647", "secure/android_id": "4f9a1c3e5b7d9f10",
    "secure/default_input_method": "com.android.inputmethod.latin/.LatinIME",
    "global/adb_enabled": "1", "global/airplane_mode_on": "0", "global/wifi_on": "1",
    "global/bluetooth_on": "0", "global/window_animation_scale": "0",
    "global/transition_animation_scale": "0", "global/animator_duration_scale": "0",
    "global/device_provisioned": "1", "global/development_settings_enabled": "1",
}  # fmt: skip
_AUTO, _USER = "system/accelerometer_rotation", "system/user_rotation"


def table(settings: dict[str, str], space: str) -> dict[str, str]:
    """The settings of one namespace, sorted by name."""
    known = {**DEFAULTS, **{k: v for k, v in settings.items() if "/" in k}}
    prefix = f"{space}/"
    found = {k[len(prefix) :]: v for k, v in known.items() if k.startswith(prefix)}
    return {k: v for k, v in sorted(found.items()) if v != DELETED}


def locked_rotation(settings: dict[str, str]) -> int | None:
    """The rotation that the user chose, None while the display follows the sensor."""
    if settings.get(_AUTO, DEFAULTS[_AUTO]) not in ("0", DELETED):
        return None
    chosen = settings.get(_USER, DEFAULTS[_USER])
    return int(chosen) if chosen in ("0", "1", "2", "3") else 0


def lock_rotation(settings: dict[str, str], rotation: int) -> None:
    """Hold the display at 0 to 3 quarter turns, whatever the sensor says."""
    settings[_AUTO], settings[_USER] = "0", str(rotation)


def free_rotation(settings: dict[str, str]) -> None:
    """Let the display follow the sensor."""
    settings[_AUTO] = "1"
