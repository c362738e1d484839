"""Benchmarks, run by `./ratchet bench NAME`: each measures things side by side in one run."""
