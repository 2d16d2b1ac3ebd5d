from tests.world import silent_port, world

__all__ = ["silent_port", "world"]
