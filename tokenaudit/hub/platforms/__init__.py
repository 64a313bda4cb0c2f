"""Clients of platforms other than the Hub: GitHub and GitLab, over one guarded transport."""
