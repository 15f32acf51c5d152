"""Programs that were written for the vendors and know nothing of the gateway, and what it takes to run them.

A program is told where to send and as whom by its environment; nothing else of it changes between a vendor and a door.
Others' code in them: nunyakata (PyPI), routesms and jquery (npm, package.json), the libraries of the bulk samples.
"""
