"""What a result says: its parameters, typed, and what it states of the payment (protocol, section 6)."""
