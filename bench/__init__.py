"""Benchmarks: each subject beside its peers and its floor, run by ``python -m bench``."""
