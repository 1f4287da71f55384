"""jamel: agents that explore apps, trained jointly with their memory on newly covered code."""

__version__ = "0.1.0"
