"""The rules of drift: what each kind of change means, and for whom."""
