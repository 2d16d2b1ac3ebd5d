"""Modules that go into every generated package as they stand; kept here as code so that they are checked as code."""
