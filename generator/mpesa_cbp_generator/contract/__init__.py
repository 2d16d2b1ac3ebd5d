"""Files to parsed documents: loading, imports, limits."""
