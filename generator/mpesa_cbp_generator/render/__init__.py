"""The plan to Python source."""
