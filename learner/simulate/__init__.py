"""`./ratchet demo`: simulated people with a hidden taste take a server through the loop, over HTTP alone.

It is a process of its own (`python -m learner.simulate`), and nothing of the product imports it: whoever trains, gates
or chooses must not know what these people like.
"""
