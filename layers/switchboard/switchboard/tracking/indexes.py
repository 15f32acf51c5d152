"""What the two indexes hold: only keys that never change, so results and receipts cost them nothing."""

from datetime import UTC, datetime

BY_ADDRESS = "by-address"
BY_CLIENT = "by-client"


def by_address(client: str, address: str, at: float, id_: str) -> dict[str, str]:
    """The attributes that find a message by its address: across clients by the hash, per client in time order."""
    return {"address": address, "address_at": f"{client}#{_millis(at)}#{id_}"}


def by_client(client: str, at: float, id_: str) -> dict[str, str]:
    """The attributes that list what a client did on one day, in time order."""
    return listed(client, day(at), at, id_)


def listed(client: str, list_: str, at: float, id_: str) -> dict[str, str]:
    """The attributes that put something into a list of a client's own, in time order."""
    return {"client_day": f"{client}#{list_}", "client_at": f"{_millis(at)}#{id_}"}


def schedules_of(client: str, at: float, id_: str) -> dict[str, str]:
    """The attributes that list a client's recurring schedules, in time order: in no day's list, as they outlast it."""
    return {"client_day": f"{client}#schedules", "client_at": f"{_millis(at)}#{id_}"}


def day(at: float) -> str:
    """The UTC day of an instant."""
    return datetime.fromtimestamp(at, UTC).date().isoformat()


def _millis(at: float) -> str:
    return f"{int(at * 1000):014d}"
