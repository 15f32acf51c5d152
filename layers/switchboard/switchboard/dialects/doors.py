"""The list of the vendors' doors, and of the dialects that a client's receipts go out in: the one place to add another.

Apart from the registry of providers, because who sends by a vendor need not load what stands in its place.
"""

from collections.abc import Callable, Mapping
from typing import Any

from switchboard.dialects.bulksms import NAME as BULKSMS
from switchboard.dialects.bulksms import doors as bulksms
from switchboard.dialects.door import Delivery, Door, Entrance
from switchboard.dialects.hubb import NAME as HUBB
from switchboard.dialects.hubb import doors as hubb
from switchboard.dialects.ucontact import NAME as UCONTACT
from switchboard.dialects.ucontact import doors as ucontact
from switchboard.dialects.wire import Request

DOORS: tuple[tuple[str, Door[Any]], ...] = tuple(
    (name, door) for name, module in ((HUBB, hubb), (UCONTACT, ucontact), (BULKSMS, bulksms)) for door in module.DOORS
)
"""Every door, with the name of its dialect."""

ENTRANCES: tuple[Entrance[Any], ...] = ucontact.ENTRANCES

REPORTS: Mapping[str, Callable[[Delivery], Request]] = {BULKSMS: bulksms.report}
"""How a delivery is told, by the name of the dialect; the request's path is the client's own."""
