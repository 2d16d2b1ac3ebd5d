"""Generator of typed bindings from WSDL and XSD, and the check that tells what a new contract breaks."""
