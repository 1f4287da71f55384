"""The model: configuration, processing and the network. Knows no backend."""

import os

# Compiled operations are kept by shape, a thousand of them; hardly any two updates have the same
# shapes, so that a training would only grow.
os.environ.setdefault("ONEDNN_PRIMITIVE_CACHE_CAPACITY", "8")
