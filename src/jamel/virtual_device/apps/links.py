"""Deep links: the addresses under which an app's features can be opened from outside.

`scheme://host` with the last part of the app's package as the scheme and the feature's kind as the
host, such as `plumhub7://scanner`. Knows no running app.
"""

from __future__ import annotations

from jamel.virtual_device.apk import DeepLink
from jamel.virtual_device.apps.compose import AppSpec


def app_links(spec: AppSpec, activities: list[str]) -> tuple[DeepLink, ...]:
    """The links of an app, one a feature; its first screen has none."""
    scheme = spec.package.rpartition(".")[2]
    pairs = zip(spec.features[1:], activities[1:], strict=True)
    return tuple(DeepLink(activity, scheme, feature.kind) for feature, activity in pairs)
