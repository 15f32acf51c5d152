"""Where a client may have us call: which addresses, and which forms of a URL."""

import random
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

import pytest

from switchboard.model import destination
from switchboard.model.problem import Refused

REFUSED = {  # the first and the last address of every range, and some within
    "unspecified": ("0.0.0.0", "::"),
    "this network": ("0.0.0.1", "0.255.255.255"),
    "a private network": (
        *("10.0.0.0", "10.255.255.255", "172.16.0.0", "172.31.255.255", "192.168.0.0", "192.168.255.255"),
        *("fc00::", "fd00::1", "fdff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"),
    ),
    "a carrier's NAT": ("100.64.0.0", "100.127.255.255"),
    "loopback": ("127.0.0.0", "127.0.0.1", "127.255.255.255", "::1"),
    "link-local": ("169.254.0.0", "169.254.255.255", "169.254.169.253", "fe80::", "fe80::1%eth0", "febf:ffff::"),
    "a cloud's metadata": (
        *("169.254.169.254", "169.254.170.2", "169.254.170.23", "168.63.129.16", "100.100.100.200"),
        *("fd00:ec2::254", "fd00:ec2::23"),
    ),
    "reserved for protocols": ("192.0.0.0", "192.0.0.170", "192.0.0.255", "2001:10::", "2001:1ff:ffff::"),
    "for documentation": ("192.0.2.1", "198.51.100.255", "203.0.113.0", "2001:db8::1", "3fff:fff::"),
    "a 6to4 relay": ("192.88.99.1",),
    "for benchmarks": ("198.18.0.0", "198.19.255.255", "2001:2::1"),
    "multicast": ("224.0.0.0", "239.255.255.255", "ff00::", "ff02::1", "ff0e::1"),
    "reserved": ("240.0.0.0", "255.255.255.254", "200::1", "1fff::1", "4000::", "5f00::1", "fe00::1", "64:ff9b:2::1"),
    "broadcast": ("255.255.255.255",),
    "IPv4 mapped into IPv6": ("::ffff:127.0.0.1", "::ffff:8.8.8.8", "::ffff:a9fe:a9fe"),
    "IPv4 translated into IPv6": ("::ffff:0:127.0.0.1", "::ffff:0:808:808"),
    "IPv4 within IPv6": ("::127.0.0.1", "::8.8.8.8", "::2", "::ffff:ffff"),
    "NAT64": ("64:ff9b::127.0.0.1", "64:ff9b::8.8.8.8", "64:ff9b:1::10.0.0.1", "64:ff9b:1:ffff::1"),
    "discarded": ("100::1",),
    "Teredo": ("2001::", "2001:0:4136:e378:8000:63bf:80ff:fffe", "2001:0:ffff:ffff::1"),
    "6to4": ("2002:7f00:1::1", "2002:a9fe:a9fe::", "2002:808:808::1"),
    "site-local": ("fec0::", "feff:ffff::1"),
}
PUBLIC = (
    *("1.0.0.0", "1.1.1.1", "8.8.8.8", "9.255.255.255", "11.0.0.0", "100.63.255.255", "100.128.0.0", "126.255.255.255"),
    *("128.0.0.0", "169.253.255.255", "169.255.0.0", "172.15.255.255", "172.32.0.0", "191.255.255.255", "192.0.1.0"),
    *("192.167.255.255", "192.169.0.0", "198.17.255.255", "198.20.0.0", "203.0.112.255", "223.255.255.255"),
    *("2000::", "2001:200::1", "2001:4860:4860::8888", "2606:4700::1111", "2a00:1450::1", "2003::1", "3ffe:ffff::"),
)
CASES = [(address, kind) for kind, addresses in REFUSED.items() for address in addresses]


@pytest.mark.parametrize(("address", "kind"), CASES)
def test_an_address_that_is_nobodys_public_host(address: str, kind: str) -> None:
    assert destination.refusal(ip_address(address)) == kind
    # The switch opens loopback, and nothing else.
    assert destination.refusal(ip_address(address), loopback=True) == (None if kind == "loopback" else kind)


@pytest.mark.parametrize("address", PUBLIC)
def test_a_public_address(address: str) -> None:
    assert destination.refusal(ip_address(address)) is None


def test_what_the_standard_library_finds_special_is_refused() -> None:
    """Its list is made from the same registries by others; ours is longer, never shorter."""
    dice = random.Random(6)
    ranges = [network for network, _ in destination._REFUSED]
    drawn: list[destination.Address] = [IPv4Address(dice.getrandbits(32)) for _ in range(20_000)]
    drawn += [IPv6Address(dice.getrandbits(128)) for _ in range(2_000)]
    drawn += [network[dice.randrange(network.num_addresses)] for network in ranges for _ in range(100)]
    assert [address for address in drawn if not address.is_global and not destination.refusal(address)] == []
    assert sum(destination.refusal(address) is None for address in drawn) > 10_000


def test_every_range_is_the_first_to_say_something() -> None:
    for network, kind in destination._REFUSED:
        said = {destination.refusal(address) for address in (network[0], network[-1])}
        assert kind in said | {destination.refusal(network[network.num_addresses // 2])}, network
    assert {kind for _, kind in destination._REFUSED} == REFUSED.keys()
    assert ip_network("2000::/3") == destination._GLOBAL_UNICAST


@pytest.mark.parametrize(
    "url",
    [
        *("https://client.example", "https://client.example/receipts?key=1&b=%20", "HTTPS://Client.Example:8443/"),
        *(
            "https://xn--caf-dma.example/",
            "https://a_b.client.example:65535/@x",
            "https://8.8.8.8/",
            "https://8.8.8.8:1",
        ),
        *("https://[2606:4700::1111]:8443/", "https://1.2.3.4.example/", "https://127.0.0.1.client.example/"),
        *("https://localhost.example/", "https://client.example/?u=https://a@b", f"https://a.example/{'x' * 1982}"),
    ],
)
def test_where_we_call(url: str) -> None:
    destination.check(url)
    destination.check(url, loopback=True)


@pytest.mark.parametrize(
    "url",
    [
        *("http://127.0.0.1:9000/receipts", "http://[::1]/", "http://localhost/receipts", "https://localhost:8443/"),
        *("https://127.0.0.2/", "https://[::1]:8443/", "http://a.localhost/"),
    ],
)
def test_this_machine_is_called_where_the_switch_says_so(url: str) -> None:
    destination.check(url, loopback=True)
    with pytest.raises(Refused):
        destination.check(url)


@pytest.mark.parametrize("loopback", [False, True])
@pytest.mark.parametrize(
    ("url", "why"),
    [
        *((url, "plain ASCII") for url in ("", "https://a.example/a b", "https://a.example/\n", "https://é.example/")),
        *((url, "plain ASCII") for url in ("https://a.example\\@b.example/", f"https://a.example/{'x' * 1983}")),
        *((url, "plain ASCII") for url in ("https://１２７.0.0.1/", "https://a。example/", "https://a.example/\x00")),
        *((url, "not a URL") for url in ("https://[::1", "https://a.example:x/", "https://a.example:65536/")),
        *((url, "not a URL") for url in ("https://a.example:80:90/", "https://a.example:-1/", "https://]/")),
        *((url, "must be https") for url in ("client.example", "//client.example/", "http://client.example/")),
        *((url, "must be https") for url in ("ftp://localhost/", "file:///etc/passwd", "gopher://a.example/_x")),
        *((url, "must be https") for url in ("http://10.0.0.1/", "http://localhost.example/", "wss://a.example/")),
        *((url, "user name") for url in ("https://a:b@c.example/", "https://a@c.example/", "https://@c.example/")),
        *((url, "user name") for url in ("https://a.example:b@c.example/", "https://a@b@c.example/")),
        *((url, "fragment") for url in ("https://a.example/#", "https://a.example#@b.example/")),
        *((url, "port") for url in ("https://a.example:0/", "https://a.example:00000/")),
        *((url, "whole host name") for url in ("https://", "https:///a", "https://?a", "https:a.example", "https://:80/")),
        *((url, "whole host name") for url in ("https://intranet/", "https://a.example./", "https://a..example/")),
        *((url, "whole host name") for url in ("https://%31%32%37.0.0.1/", "https://-a.example/", "https://a+b.example")),
        *((url, "whole host name") for url in ("https://[fe80::1%25eth0]/", f"https://{'a.' * 126}example/")),
        *((url, "whole host name") for url in (f"https://{'a' * 64}.example/", "https://127.0.0.1./", "https://2130706433")),
        *((url, "four decimal") for url in ("https://127.1/", "https://0177.0.0.1/", "https://0x7f.0.0.1/")),
        *((url, "four decimal") for url in ("https://8.8.8.08/", "https://1.2.3.4.5/", "https://a.example.1/")),
        *((url, "four decimal") for url in ("https://127.0.0.0x1/", "https://256.0.0.1/", "https://8.8.0x/")),
        *((url, "private network") for url in ("https://10.0.0.1/", "https://[fd00::1]/")),
        *((url, "metadata") for url in ("https://169.254.169.254/", "https://[fd00:ec2::254]/")),
        *((url, "IPv4 mapped") for url in ("https://[::ffff:127.0.0.1]/", "https://[::ffff:7f00:1]/")),
    ],
)  # fmt: skip
def test_where_we_do_not_call_and_why(url: str, why: str, loopback: bool) -> None:
    with pytest.raises(Refused) as refused:
        destination.check(url, loopback)
    assert {problem.field for problem in refused.value.problems} == {"url"}
    assert why in str(refused.value)
