"""What a payment is: its states, the evidence that moves it, and the codes (protocol, sections 1, 5)."""
