"""What Ratchet's web server costs in front of an engine: against the engine itself, and against a LiteLLM proxy."""
