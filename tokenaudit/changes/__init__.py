"""What changed in Hub repositories since a time or a commit, and what each change does to their users."""
