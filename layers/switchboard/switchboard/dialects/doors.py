"""The list of the vendors' doors, and of the entrances to their sessions: the one place to add another.

Apart from the registry of providers, because who sends by a vendor need not load what stands in its place.
"""

from typing import Any

from switchboard.dialects.bulksms import doors as bulksms
from switchboard.dialects.door import Door, Entrance
from switchboard.dialects.hubb import doors as hubb
from switchboard.dialects.ucontact import doors as ucontact

DOORS: tuple[Door[Any], ...] = (*hubb.DOORS, *ucontact.DOORS, *bulksms.DOORS)
ENTRANCES: tuple[Entrance[Any], ...] = ucontact.ENTRANCES
