"""The production web server (waitress) under listener and simulator: strict, bounded in time, able to speak TLS."""
