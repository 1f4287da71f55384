"""Agents: they act on observations and never see coverage."""
