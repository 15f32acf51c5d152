"""Cannot be loaded."""

raise RuntimeError("no such luck")
