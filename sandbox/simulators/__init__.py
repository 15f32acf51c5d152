"""The vendors' stand-ins: each its own HTTP server on loopback, speaking by the same dialect modules as the gateway."""
