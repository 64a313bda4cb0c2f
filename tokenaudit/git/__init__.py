"""Reading git repositories: safely, completely, fast."""
