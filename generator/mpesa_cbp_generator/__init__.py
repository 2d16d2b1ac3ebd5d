"""Generate typed Python bindings from WSDL and XSD, and check what a new contract breaks."""
