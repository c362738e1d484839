"""How an adapter is made from a dataset: one recipe per file. They import torch, so only a lap imports them."""
