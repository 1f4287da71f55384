"""The toolkits' looks: which classes an app's widgets have, how they nest, where labels stand.

Five looks, in the shares in which dumps of real apps show them: native views, Compose, Flutter,
React Native and WebView. Knows no pixels, no noise and no handlers. What nests around a widget
never takes a touch, so that every look of an app has the same candidates in the same order.
"""

from __future__ import annotations

from typing import NamedTuple

WIDGET = "android.widget."
VIEW = "android.view.View"
GROUP = "android.view.ViewGroup"
FRAME, LINEAR = WIDGET + "FrameLayout", WIDGET + "LinearLayout"
TEXT, IMAGE, BUTTON = WIDGET + "TextView", WIDGET + "ImageView", WIDGET + "Button"
SCROLL = WIDGET + "ScrollView"
PAGER = "androidx.viewpager.widget.ViewPager"


class Look(NamedTuple):
    """One toolkit's habits.

    `window` are the classes from the app's content frame down to the page; `own` and `desc` are
    the shares of labelled widgets with their label as text and, beyond those, as description, the
    rest have it in an element below. `wraps` is the number of containers around a widget's inner
    views, `decorated` the share of rows with an image, a second line or a divider.
    """

    share: float
    window: tuple[str, ...]
    box: str
    text: str
    image: str
    button: str
    icon: str
    tab: str
    toggle: str
    tick: str
    row: str
    listing: str
    scroll: str
    toolbar: str
    pager: str
    own: float
    desc: float
    wraps: int
    decorated: float
    says_text: bool
    """Plain text is a `text`, not a content description."""

    repeats: bool
    """What a description says, texts below it say again."""

    cards: int
    """The most cards that a page has below its widgets."""


TOOLKITS: dict[str, Look] = {
    "native": Look(
        0.46, (FRAME, GROUP, GROUP), LINEAR, TEXT, IMAGE, BUTTON, WIDGET + "ImageButton", FRAME,
        WIDGET + "Switch", WIDGET + "CheckBox", LINEAR,
        "androidx.recyclerview.widget.RecyclerView", SCROLL, GROUP, PAGER, 0.6, 0.1, 1, 0.85, True,
        False, 9,
    ),
    "compose": Look(
        0.22, ("androidx.compose.ui.platform.ComposeView", VIEW, VIEW, VIEW), VIEW, TEXT, VIEW,
        VIEW, VIEW, VIEW, VIEW, VIEW, VIEW, VIEW, SCROLL, VIEW, VIEW, 0.04, 0.04, 1, 0.6, True,
        False, 5,
    ),
    "flutter": Look(
        0.16, (FRAME, FRAME, VIEW, VIEW, VIEW, VIEW), VIEW, VIEW, IMAGE, BUTTON, BUTTON, VIEW,
        WIDGET + "Switch", WIDGET + "CheckBox", VIEW, VIEW, SCROLL, VIEW, VIEW, 0.06, 0.94, 0, 0.15,
        False, False, 2,
    ),
    "react": Look(
        0.12, (FRAME, GROUP, GROUP, GROUP, GROUP, GROUP), GROUP, TEXT, IMAGE, GROUP, GROUP, GROUP,
        WIDGET + "Switch", GROUP, GROUP, GROUP, SCROLL, GROUP, PAGER, 0.08, 0.92, 2, 0.7, True,
        True, 6,
    ),
    "web": Look(
        0.04, (FRAME, "android.webkit.WebView", "android.webkit.WebView", VIEW), VIEW, TEXT, IMAGE,
        BUTTON, BUTTON, VIEW, VIEW, WIDGET + "CheckBox", VIEW, VIEW, VIEW, VIEW, VIEW, 0.06, 0.94,
        1, 0.5, True, True, 6,
    ),
}  # fmt: skip


def look_of(draw: float) -> str:
    """The look at a place in [0, 1): as many apps of each as there are real screens."""
    for name, look in TOOLKITS.items():
        if draw < look.share:
            return name
        draw -= look.share
    return "web"
