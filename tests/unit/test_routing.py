"""Which providers a message goes to, in which order, and who is left when a content asks for what few can carry."""

from dataclasses import replace

import pytest

from switchboard.model.contact import Contact
from switchboard.model.message import Channel, Content
from switchboard.model.problem import Refused
from switchboard.routing import Route, route

ROUTES = [
    Route(channel=Channel.SMS, prefix="+598", providers=("ucontact", "bulksms")),
    Route(channel=Channel.SMS, prefix="+1", providers=("hubb",)),
    Route(channel=Channel.SMS, providers=("bulksms", "ucontact")),
]
SMS = Content(channel=Channel.SMS, text="Hi", sender="Acme", campaign="Ventas")
LATER = replace(SMS, provider_at=1e9)  # by the provider's own schedule
HOME, ABROAD, AMERICA = "+59898344484", "+447700900123", "+19195551212"


@pytest.mark.parametrize(
    ("content", "to", "providers"),
    [
        (SMS, HOME, ("ucontact", "bulksms")),
        (SMS, ABROAD, ("bulksms", "ucontact")),
        (replace(SMS, flash=True), HOME, ("bulksms",)),  # whoever of the rule is able
        (replace(SMS, contact=Contact(name="Ann")), HOME, ("hubb",)),  # the only one of all, though no rule names it
        (replace(SMS, options={"ucontact": {"agent": "ann"}}), ABROAD, ("ucontact",)),
        (replace(LATER, sender=None), HOME, ("ucontact", "bulksms")),
        (LATER, HOME, ("bulksms",)),  # uContact's schedule takes no sender
        (LATER, AMERICA, ("bulksms",)),  # and Hubb, the only one of the rule, has no schedule
    ],
)
def test_a_message_goes_to_whoever_can_carry_all_of_it(content: Content, to: str, providers: tuple[str, ...]) -> None:
    assert route(ROUTES, content, to, None) == providers


def test_what_nobody_can_carry_is_refused_by_everybody_of_the_rule() -> None:
    content = replace(SMS, flash=True, contact=Contact(name="Ann"))
    with pytest.raises(Refused) as refused:
        route(ROUTES, content, HOME, None)
    assert {"flash", "contact"} <= {problem.field for problem in refused.value.problems}


@pytest.mark.parametrize("provider", [None, "hubb"])
def test_what_has_to_be_scheduled_by_whoever_cannot_is_refused_by_name(provider: str | None) -> None:
    with pytest.raises(Refused) as refused:  # without a sender two others could, and nobody says which
        route(ROUTES, replace(LATER, sender=None), AMERICA, provider)
    assert [problem.field for problem in refused.value.problems] == ["via"]


def test_a_provider_that_the_caller_named_has_no_stand_in() -> None:
    with pytest.raises(Refused, match="contact"):
        route(ROUTES, replace(SMS, contact=Contact(name="Ann")), HOME, "bulksms")
