"""One filter per file; `safety.screen.default_screen` puts them in order."""
