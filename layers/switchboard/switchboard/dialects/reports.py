"""The list of the dialects that a client's receipts go out in: the one place to add another.

Apart from the doors, because who tells a client need not load what its call came in by.
"""

from collections.abc import Callable, Mapping

from switchboard.dialects.bulksms import NAME as BULKSMS
from switchboard.dialects.bulksms import reports as bulksms
from switchboard.dialects.door import Delivery
from switchboard.dialects.wire import Request

REPORTS: Mapping[str, Callable[[Delivery], Request]] = {BULKSMS: bulksms.report}
"""How a delivery is told, by the name of the dialect; the request's path is the client's own."""
