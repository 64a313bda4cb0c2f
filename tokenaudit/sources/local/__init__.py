"""Files and git repositories on this machine."""
