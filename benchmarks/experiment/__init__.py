"""The test that decides experiments, beside others: how often it crowns a false winner, and how many users it takes."""
