"""The list of the vendors' dialects, by name: the one place to add another."""

from switchboard.dialects import bulksms, hubb, ucontact
from switchboard.dialects.dialect import Dialect

DIALECTS: dict[str, Dialect] = {module.DIALECT.name: module.DIALECT for module in (hubb, ucontact, bulksms)}
