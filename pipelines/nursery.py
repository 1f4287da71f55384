"""What a process loads that steps are forked from (`isolation.load_ahead`): imported there alone.

Imports take a step eight seconds where it has to do with the model, and four where it validates.
"""

# ruff: noqa: F401
import os

# Steps share the cores; read once, by the libraries below as they are loaded.
os.environ["OMP_NUM_THREADS"] = "1"

import great_expectations

import jamel.calibrate
import jamel.collect
import jamel.dataset
import jamel.evaluate
import jamel.expectations
import jamel.label
import jamel.model.modeling
import jamel.registry
import jamel.train
