"""Prefect flows: order, retries, caching, schedules. No logic; every task calls one library function."""
