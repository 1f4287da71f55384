"""What a process loads that steps are forked from (`isolation.load_ahead`): imported there alone.

Imports take a step eight seconds where it has to do with the model, and four where it validates.
"""

# ruff: noqa: E402, F401
import gc
import os

# Steps share the cores; read once, by the libraries below as they are loaded.
os.environ["OMP_NUM_THREADS"] = "1"
# Hardly anything that is imported is garbage: looking for it takes a sixth of the time.
gc.disable()

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

# What is loaded stays as long as the process: steps neither search it nor copy its pages to do so.
gc.freeze()
gc.enable()
