"""The settings that hold a credential for others to use, one file a kind: looked at, changed, looked at again."""
