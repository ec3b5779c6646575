"""Runs that need more decisions than success and failure; see docs/architecture.md."""
