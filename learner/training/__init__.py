"""The core of training: a policy with a LoRA adapter, batches of its rows, losses, and the loop. Imports torch."""
