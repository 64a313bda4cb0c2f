"""Clients of platforms other than the Hub: GitHub and GitLab, with a shared guarded transport."""
