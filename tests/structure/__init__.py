"""Measures of the package's structure."""
