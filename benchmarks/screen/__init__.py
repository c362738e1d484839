"""What screening costs: a message, a stream, and Detoxify's models."""
