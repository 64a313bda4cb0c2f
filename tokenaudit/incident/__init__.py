"""The view after a breach: what an incident touches, what that could reach, what changed there, what is still open."""
