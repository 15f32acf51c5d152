"""What the tiny functions share."""

WORD = "layer"
