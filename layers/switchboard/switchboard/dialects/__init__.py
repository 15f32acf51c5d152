"""The vendors' languages, pure: one module a vendor, each serving client, door and simulator alike."""
