"""Switchboard's own code: the layer that every function shares."""
