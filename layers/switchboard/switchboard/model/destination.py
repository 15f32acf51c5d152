"""Where a client may have us call: which URLs may be given to us, and which addresses their hosts may lead to.

A URL is judged by its form when it is set, and again before every call. What its host's name leads to is known only
when a connection is made, and is judged then, one address at a time: the name's owner may change it whenever he likes.
"""

import re
from collections.abc import Iterator
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from urllib.parse import urlsplit

from switchboard.model.problem import Problem, Refused

Address = IPv4Address | IPv6Address

MAX_URL = 2000  # characters
_MAX_NAME = 253  # characters of a host's name (RFC 1035 section 2.3.4, without the octets of the wire)
_LABEL = r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?"
_NAME = re.compile(rf"(?:{_LABEL}\.)+{_LABEL}")
_NUMBER = re.compile(r"[0-9]+|0x[0-9a-f]*")  # a name that ends so is an address to most resolvers (inet_aton)
_PLAIN = re.compile(r"[!-\[\]-~]+")  # printable ASCII, no blank, no backslash: some read that as a slash
_LOCALHOST = re.compile(r"(?:.+\.)?localhost")  # RFC 6761 section 6.3

_GLOBAL_UNICAST = IPv6Network("2000::/3")  # RFC 4291 section 2.4: all that IANA hands out of IPv6
_REFUSED: tuple[tuple[IPv4Network | IPv6Network, str], ...] = tuple(
    (ip_network(network), kind)
    for network, kind in (
        # Where a cloud tells a machine its secrets; before the ranges they lie in, which say less.
        ("169.254.169.254/32", "a cloud's metadata"),  # AWS, Google, Azure and others
        ("169.254.170.0/24", "a cloud's metadata"),  # credentials of ECS tasks (.2) and EKS pods (.23)
        ("168.63.129.16/32", "a cloud's metadata"),  # Azure's host: looks public and is not
        ("100.100.100.200/32", "a cloud's metadata"),  # Alibaba
        ("fd00:ec2::/32", "a cloud's metadata"),  # AWS: instances (::254), pods (::23), name server (::253)
        # IANA's registry of special IPv4 addresses (RFC 6890), with what each range is by.
        ("0.0.0.0/32", "unspecified"),  # RFC 1122 section 3.2.1.3: Linux connects it to itself
        ("0.0.0.0/8", "this network"),  # RFC 791 section 3.2
        ("10.0.0.0/8", "a private network"),  # RFC 1918
        ("100.64.0.0/10", "a carrier's NAT"),  # RFC 6598
        ("127.0.0.0/8", "loopback"),  # RFC 1122 section 3.2.1.3
        ("169.254.0.0/16", "link-local"),  # RFC 3927
        ("172.16.0.0/12", "a private network"),  # RFC 1918
        ("192.0.0.0/24", "reserved for protocols"),  # RFC 6890 section 2.1
        ("192.0.2.0/24", "for documentation"),  # RFC 5737
        ("192.88.99.0/24", "a 6to4 relay"),  # RFC 7526
        ("192.168.0.0/16", "a private network"),  # RFC 1918
        ("198.18.0.0/15", "for benchmarks"),  # RFC 2544
        ("198.51.100.0/24", "for documentation"),  # RFC 5737
        ("203.0.113.0/24", "for documentation"),  # RFC 5737
        ("224.0.0.0/4", "multicast"),  # RFC 5771
        ("255.255.255.255/32", "broadcast"),  # RFC 919
        ("240.0.0.0/4", "reserved"),  # RFC 1112 section 4
        # The same of IPv6. Whatever holds an IPv4 address is refused whole: where it leads is up to a translator that
        # we do not know, 6to4 and Teredo have lost their relays, and who has an IPv4 address may give it as such.
        ("::/128", "unspecified"),  # RFC 4291
        ("::1/128", "loopback"),  # RFC 4291
        ("::ffff:0:0/96", "IPv4 mapped into IPv6"),  # RFC 4291 section 2.5.5.2
        ("::ffff:0:0:0/96", "IPv4 translated into IPv6"),  # RFC 2765 section 2.1
        ("::/96", "IPv4 within IPv6"),  # RFC 4291 section 2.5.5.1
        ("64:ff9b::/96", "NAT64"),  # RFC 6052
        ("64:ff9b:1::/48", "NAT64"),  # RFC 8215
        ("100::/64", "discarded"),  # RFC 6666
        ("2001::/32", "Teredo"),  # RFC 4380
        ("2001:2::/48", "for benchmarks"),  # RFC 5180
        ("2001:db8::/32", "for documentation"),  # RFC 3849
        ("2001::/23", "reserved for protocols"),  # RFC 2928; ORCHIDs (RFC 7343) are here
        ("2002::/16", "6to4"),  # RFC 3056
        ("3fff::/20", "for documentation"),  # RFC 9637
        ("fc00::/7", "a private network"),  # RFC 4193
        ("fe80::/10", "link-local"),  # RFC 4291
        ("fec0::/10", "site-local"),  # RFC 3879
        ("ff00::/8", "multicast"),  # RFC 4291
    )
)


def refusal(address: Address, loopback: bool = False) -> str | None:
    """Why an address may not be called, in a word or a few; None where it may.

    It may where it is a public host's. With `loopback` the addresses of this machine's own loopback may be called too,
    as 127.0.0.0/8 and ::1 and in no disguise.
    """
    for network, kind in _REFUSED:
        if address.version == network.version and address in network:
            return None if loopback and kind == "loopback" else kind
    return None if isinstance(address, IPv4Address) or address in _GLOBAL_UNICAST else "reserved"


def check(url: str, loopback: bool = False) -> None:
    """Let a URL pass that we may be given to call. Raises `Refused`: its problems name `url` and quote nothing of it.

    With `loopback` it may lead to this machine itself, by http too. A host in octal, in hexadecimal or in fewer than
    four numbers, which resolvers take for an address, is refused as it is written, whatever it leads to.
    """
    if problems := [Problem("url", reason) for reason in _wrong(url, loopback)]:
        raise Refused(*problems)


def _wrong(url: str, loopback: bool) -> Iterator[str]:
    if len(url) > MAX_URL or not _PLAIN.fullmatch(url):
        yield f"must be at most {MAX_URL} characters of plain ASCII, without blanks and backslashes"
        return
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
    except ValueError:  # brackets that do not close, a port that is none
        yield "is not a URL"
        return
    if parts.scheme != "https" and not (parts.scheme == "http" and loopback and _is_here(host)):
        yield "must be https, or http to this machine itself" if loopback else "must be https"
    if "@" in parts.netloc:
        yield "must hold no user name and no password"
    if "#" in url:
        yield "must hold no fragment: that is never sent"
    if port == 0:
        yield "must have another port than 0"
    if reason := _wrong_host(host, loopback):
        yield reason


def _wrong_host(host: str, loopback: bool) -> str | None:
    address, localhost = _address(host), _LOCALHOST.fullmatch(host) is not None
    kind = "loopback" if localhost and not loopback else refusal(address, loopback) if address else None
    if kind:
        return f"must lead to a public address, not to one that is {kind}"
    if address or localhost:
        return None
    if len(host) > _MAX_NAME or not _NAME.fullmatch(host):
        return "must have a whole host name in ASCII (xn--... for other letters), or an address, without a closing dot"
    if _NUMBER.fullmatch(host.rpartition(".")[2]):
        return "must write an address as four decimal numbers, or as IPv6 in brackets"
    return None


def _is_here(host: str) -> bool:
    address = _address(host)
    return address.is_loopback if address else _LOCALHOST.fullmatch(host) is not None


def _address(host: str) -> Address | None:
    """The address that a host is, in its one plain form and without a zone."""
    try:
        return ip_address(host) if "%" not in host else None
    except ValueError:
        return None
