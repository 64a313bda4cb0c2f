"""Fuzz targets and the campaign over them: `python -m tests.fuzz --minutes N`."""
