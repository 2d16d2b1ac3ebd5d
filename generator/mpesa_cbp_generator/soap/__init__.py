"""WSDL bindings to operations."""
