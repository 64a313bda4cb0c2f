"""One rule per file: each module has a `RULE` and a `check(credential, context)`."""
