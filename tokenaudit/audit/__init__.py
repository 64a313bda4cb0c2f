"""Audits of targets: read, group, inspect, assess, report."""
