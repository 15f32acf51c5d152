"""The bulk platform, the vendor of `bulksms` and `schedulemsg`: its dialect in both directions.

Sections are those of the gateway's dialect notes on the vendor's document.
"""

NAME = "bulksms"
