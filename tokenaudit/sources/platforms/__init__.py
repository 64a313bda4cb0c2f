"""What the Hub, GitHub and GitLab keep beside the code of a repository."""
