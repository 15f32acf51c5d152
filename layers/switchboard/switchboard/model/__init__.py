"""Our own words, frozen and pure: what a message, a recipient, a receipt and a status are."""
