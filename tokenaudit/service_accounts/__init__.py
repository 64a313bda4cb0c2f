"""Service accounts of an organization: their tokens with rights and verdicts; creation, narrowing and rotation."""
