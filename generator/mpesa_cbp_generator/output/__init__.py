"""Write the package, all or nothing."""
