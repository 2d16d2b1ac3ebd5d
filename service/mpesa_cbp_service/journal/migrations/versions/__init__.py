"""One module a schema version, never changed once it was released."""
