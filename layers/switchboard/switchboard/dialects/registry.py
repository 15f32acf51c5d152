"""The list of the vendors' dialects, by name: the one place to add another."""

from switchboard.dialects.bulksms import provider as bulksms
from switchboard.dialects.dialect import Dialect
from switchboard.dialects.hubb import provider as hubb
from switchboard.dialects.ucontact import provider as ucontact

DIALECTS: dict[str, Dialect] = {module.DIALECT.name: module.DIALECT for module in (hubb, ucontact, bulksms)}
