"""The output formats of drift, one a module; each turns a report into text."""
