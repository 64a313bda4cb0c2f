"""Sources of data to scan."""
