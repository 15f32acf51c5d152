"""The vendor that keeps deals and accounts, and its words for them: the one place to name another.

Apart from the registry of providers, because who sends by a vendor need not load what else it does.
"""

from switchboard.dialects.crm import Crm
from switchboard.dialects.dialect import Dialect
from switchboard.dialects.hubb import crm as hubb
from switchboard.dialects.hubb import provider

KEEPER: Dialect = provider.DIALECT
CRM: Crm = hubb.CRM
