"""The commands of the core, and the requests made from them (protocol, section 4)."""
