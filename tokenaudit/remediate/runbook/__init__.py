"""The way from a report's credentials to their replacements, as ordered steps that each say how they are verified."""
