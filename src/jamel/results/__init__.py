"""Several evaluations as one page: suites, noise levels and training seeds; goals met and missed.

`Measured` holds them, `verdicts` judges the goals, `results_page` writes Markdown. Knows results as
plain data and nothing of how they were measured.
"""

from jamel.results.goals import GOALS, Verdict, verdicts
from jamel.results.measured import Measured
from jamel.results.page import results_page

__all__ = ["GOALS", "Measured", "Verdict", "results_page", "verdicts"]
