"""Targets to a report: read, group, inspect, assess."""
