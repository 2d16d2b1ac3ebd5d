"""Declarations to the plan: every decision on names, types and modules."""
