"""Send one request once, and read the acknowledgement."""
