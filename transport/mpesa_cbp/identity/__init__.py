"""Who we are to the broker: profile, signing header, credentials and certificates (protocol, sections 2, 3, 11)."""
