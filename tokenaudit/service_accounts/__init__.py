"""Service accounts of an organization: their tokens with rights and verdicts; minting, narrowing and rotation."""
