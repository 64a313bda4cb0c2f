"""The labelled set: hostile and benign files, put together at run time from opcodes and bytes. None is ever loaded."""
