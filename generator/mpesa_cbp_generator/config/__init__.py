"""bindings.toml: what the contract itself does not say."""
