"""The model: configuration, processing and the network. Knows no backend."""
