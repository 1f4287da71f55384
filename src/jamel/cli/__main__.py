"""`python -m jamel.cli` is the same as `jamel`."""

from jamel.cli import main

main()
