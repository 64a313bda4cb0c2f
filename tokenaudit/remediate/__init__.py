"""What to put in a credential's place, and the way there: needs, recommendation, runbook, rotation, revocation."""
