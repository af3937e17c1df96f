"""Configuration, environment and errors: what every entry point needs before the network."""
