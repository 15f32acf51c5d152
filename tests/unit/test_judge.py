"""A row of a campaign by itself: the values it brings, and those it leaves to what all rows share."""

from dataclasses import replace
from typing import Any

import pytest

from switchboard.credentials import Client
from switchboard.dialects.sheets import Row
from switchboard.dialects.unified_campaigns import CampaignRequest, campaign
from switchboard.judge import Fit, Judge
from switchboard.model.campaign import MissedRow
from switchboard.model.message import Channel
from switchboard.routing import Route

ROUTES = (Route(channel=Channel.SMS, providers=("bulksms",)), Route(channel=Channel.EMAIL, providers=("hubb",)))
ROW = Row(number=3, line=4, to="+59898344484", reference="c3", priority=1, variables={})


def judged(cells: dict[str, str], **said: Any) -> Fit | MissedRow:
    """What becomes of a row with these cells."""
    columns = {"to": "phone", "variables": {"name": "First name"}}
    asked = {"name": "Spring", "text": "Hello {{name}}", "columns": columns, **said}
    made = campaign(CampaignRequest.model_validate(asked), "a" * 23, Client("acme", None), 0.0)
    row = replace(ROW, to="ann@example.com") if made.content.channel is Channel.EMAIL else ROW
    return Judge(made, ROUTES).row(replace(row, variables=cells))


@pytest.mark.parametrize("cells", [{"name": ""}, {"name": " \t"}, {}], ids=["empty", "blank", "missing"])
def test_an_empty_cell_is_no_value(cells: dict[str, str]) -> None:
    missed = judged(cells)
    assert isinstance(missed, MissedRow)
    assert (missed.row, missed.line, missed.column) == (3, 4, "First name")
    assert missed.reason == "has no value for {{name}}"
    assert missed.cure == "fill the cell in, or give a value for all in variables"


@pytest.mark.parametrize("cells", [{"name": ""}, {"name": " \t"}, {}], ids=["empty", "blank", "missing"])
def test_what_a_cell_leaves_out_the_shared_value_gives(cells: dict[str, str]) -> None:
    fit = judged(cells, variables={"name": "friend"})
    assert isinstance(fit, Fit)
    assert fit.recipient.variables == {}
    own = judged({"name": " Ann "}, variables={"name": "friend"})
    assert isinstance(own, Fit)
    assert own.recipient.variables == {"name": " Ann "}
    assert own.digest != fit.digest


def test_a_providers_template_is_filled_in_with_the_cells_that_hold_something() -> None:
    fit = judged({"name": "", "town": "Salto"}, text=None, channel="email", template="7", variables={"name": "friend"})
    assert isinstance(fit, Fit)
    assert fit.recipient.variables == {"town": "Salto"}
