"""Data that the Hub, GitHub and GitLab store besides the code of a repository."""
