"""One file a system: each turns the text of a configuration file into a `model.Pipeline`."""
