"""deconflict."""
