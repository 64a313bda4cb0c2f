"""What changed since an incident began: one module for each kind of place, asked in the order of what it reveals."""
