"""One app explored for a person: what was seen, what crashed, and scripts that do it again.

`explore` runs a session, `write_page` shows it, `replay` does a script again. Knows agents and
environments through their contracts; nothing of training, of stores or of the command line.
"""

from jamel.explore.crashes import Crash, crash_of
from jamel.explore.page import render, write_page
from jamel.explore.replay import Replay, replay
from jamel.explore.script import Script, read_script, write_script
from jamel.explore.session import Exploration, explore
from jamel.explore.shrink import Shortened, shorten

__all__ = [
    "Crash",
    "Exploration",
    "Replay",
    "Script",
    "Shortened",
    "crash_of",
    "explore",
    "read_script",
    "render",
    "replay",
    "shorten",
    "write_page",
    "write_script",
]
