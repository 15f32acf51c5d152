"""The vendors' languages, pure: one package a vendor, each serving client, door and simulator alike."""
