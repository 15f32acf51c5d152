"""Every call of the vendors in its four corners, from the vendors' tables."""

from tests.corners import bulksms, hubb, ucontact
from tests.corners.samples import Call

CALLS: tuple[Call, ...] = (*bulksms.CALLS, *hubb.CALLS, *ucontact.CALLS)
VENDORS = tuple(dict.fromkeys(call.vendor for call in CALLS))
