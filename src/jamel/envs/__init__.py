"""Environments: apps behind Gymnasium's API. They know nothing of learning."""
