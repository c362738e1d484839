"""`./ratchet attack`: people who would poison what is learned, among people who would not. Like the demo, but offline.

Their events are written into a store of their own, and from there on everything is the product's: the curation, the
training, and the world that says whether an answer is right. Nothing of the product imports it.
"""
