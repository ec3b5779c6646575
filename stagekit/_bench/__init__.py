"""Benchmarks of pipelines: runs that are repeated, measured, and compared with others."""
