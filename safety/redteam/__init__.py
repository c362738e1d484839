"""Attacks on the running server: what its filters let through, what they stop in vain, and how little it takes."""
