"""Replacement of a credential: recommendation, runbook, rotation, revocation."""
