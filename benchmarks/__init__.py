"""Benchmarks, run by `./ratchet bench NAME`: each measures two things side by side and prints their ratio."""
