"""What each recipe buys, on simulated people with a hidden taste and on the starter's facts."""
