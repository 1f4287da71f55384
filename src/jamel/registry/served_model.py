"""The file that MLflow stores with a version and runs to serve it, beside safetensors; no pickle.

Every version keeps its copy, which finds the installed library: the name it imports has to stay.
"""

import mlflow

from jamel.registry.served import ServedPolicy

mlflow.models.set_model(ServedPolicy())
