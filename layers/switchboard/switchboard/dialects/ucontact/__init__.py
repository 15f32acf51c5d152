"""uContact: sessions, SMS, the dialers' bases, e-mail and inbound SMS, for the client's side and for the vendor's.

Sections are those of the gateway's dialect notes on the vendor's page. Calls are told apart by the end of their path,
so that a door or a callback may stand under any prefix.
"""

NAME = "ucontact"
