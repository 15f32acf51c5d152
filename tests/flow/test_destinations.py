"""Whatever URL a client gives us, nothing that is not public is reached: real listeners count who comes.

Every name is looked up in `Names`, every connection that this process tries is seen by Python's own audit events.
"""

import datetime
import ipaddress
import socket
import ssl
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from email.message import Message
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Self

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from switchboard import endpoints
from switchboard.dialects.wire import Request, Response
from switchboard.model import destination
from switchboard.model.problem import Problem, Refused

from .endpoint import Endpoint

SECONDS = 2.0
REQUEST = Request(method="POST", path="/", headers=(("content-type", "text/plain"),), body=b"news")
PUBLIC = "127.0.0.2"  # where a test says so, this stands for a public address; all others are what they are
INSIDE = ("127.0.0.1", "127.1.1.1", "::1")  # what must never be reached

# Names, and what their servers answer, one answer a look-up (the last one from then on).
ANSWERS: dict[str, list[list[str]]] = {
    "loopback.example": [["127.0.0.1"]],
    "loopback6.example": [["::1"]],
    "both.example": [["::1", "127.0.0.1"]],
    "private.example": [["10.0.0.1"]],
    "private172.example": [["172.31.0.1"]],
    "private192.example": [["192.168.1.1"]],
    "metadata.example": [["169.254.169.254"]],
    "metadata6.example": [["fd00:ec2::254"]],
    "tasks.example": [["169.254.170.2"]],
    "cgnat.example": [["100.64.0.1"]],
    "mapped.example": [["::ffff:127.0.0.1"]],
    "compatible.example": [["::127.0.0.1"]],
    "nat64.example": [["64:ff9b::7f00:1"]],
    "nat64-local.example": [["64:ff9b:1::7f00:1"]],
    "sixtofour.example": [["2002:7f00:1::1"]],
    "teredo.example": [["2001:0:4136:e378:8000:63bf:80ff:fffe"]],
    "ula.example": [["fd12:3456::1"]],
    "linklocal.example": [["fe80::1"]],
    "sitelocal.example": [["fec0::1"]],
    "multicast.example": [["224.0.0.1"]],
    "unspecified.example": [["0.0.0.0"]],
    "unspecified6.example": [["::"]],
    "broadcast.example": [["255.255.255.255"]],
    "benchmark.example": [["198.18.0.1"]],
    "mixed.example": [[PUBLIC, "127.0.0.1"]],
    "mixed-first.example": [["127.0.0.1", PUBLIC]],
    "mixed6.example": [[PUBLIC, "::1"]],
    "many.example": [[PUBLIC, "127.0.0.3", "10.0.0.1", "127.0.0.1"]],
    "rebinding.example": [["127.0.0.1"], [PUBLIC]],
    "127.0.0.1.rebinder.example": [["127.0.0.1"]],
    "7f000001.c0a80001.rebinder.example": [["127.0.0.1"], ["192.168.0.1"]],
    "xn--caf-dma.example": [["127.0.0.1"]],
    "metadata.google.internal": [["169.254.169.254"]],
}

V4_HOSTS = (  # 127.0.0.1 and its likes, as inet_aton reads them
    *("127.0.0.1", "127.1.1.1", "127.1", "127.0.1", "127.255.255.254", "0.0.0.0", "0", "0x0", "00", "0.0"),
    *("2130706433", "0x7f000001", "0x7F000001", "017700000001", "0x7f.0.0.1", "0x7f.1", "0x7f.0x0.0x0.0x1"),
    *("0177.0.0.1", "0177.0.0.01", "00000177.1", "127.0x0.0.1", "0177.0x0.0.1", "127.0.0.01"),
    *("127.00000000000000001", "0x7f.0.1", "127.65793", "0177.0401.1", "2130772225", "0x7f010101", "0177.1.0401"),
    *("127.0.0.0x1", "0000000000000177.0.0.1"),
)  # fmt: skip
V4_ELSEWHERE = (  # private, shared, link-local and the cloud's metadata, in the same spellings
    *("10.0.0.1", "012.0.0.1", "0xa.1", "167772161", "172.16.0.1", "0254.16.1", "192.168.0.1", "0300.0250.0.1"),
    *("3232235521", "0xc0a80001", "100.64.0.1", "0144.0100.1", "169.254.169.254", "0251.0376.0251.0376"),
    *("2852039166", "0xa9fea9fe", "0xa9.0xfe.0xa9.0xfe", "169.254.43518", "169.16689662", "0251.254.169.254"),
    *("169.254.170.2", "168.63.129.16", "100.100.100.200", "192.0.0.1", "198.18.0.1", "224.0.0.1", "240.0.0.1"),
    *("255.255.255.255",),
)  # fmt: skip
V6_HOSTS = (
    *("[::1]", "[0:0:0:0:0:0:0:1]", "[0000:0000:0000:0000:0000:0000:0000:0001]", "[::0:1]", "[::]"),
    *("[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "[0:0:0:0:0:ffff:7f00:0001]", "[::FFFF:127.1.1.1]"),
    *("[::ffff:0.0.0.0]", "[::127.0.0.1]", "[::7f00:1]", "[::ffff:0:127.0.0.1]", "[::ffff:169.254.169.254]"),
    *("[::ffff:10.0.0.1]", "[64:ff9b::127.0.0.1]", "[64:ff9b::a9fe:a9fe]", "[64:ff9b:1::7f00:1]"),
    *("[64:ff9b:1:abcd:0:5:7f00:0001]", "[2002:7f00:1::]", "[2002:a9fe:a9fe::1]", "[2002:a00:1::]"),
    *("[2001:0:4136:e378:8000:63bf:80ff:fffe]", "[2001:0:7f00:1::]", "[fd00:ec2::254]", "[fd00::1]", "[fc00::1]"),
    *("[fe80::1]", "[fec0::1]", "[ff02::1]", "[fe80::1%25lo]", "[fe80::1%lo]", "[::1%25lo]", "[::1%lo]", "[::1%1]"),
    *("[2001:db8::1]", "[100::1]"),
)  # fmt: skip
ODD_HOSTS = (
    *("localhost", "LOCALHOST", "localhost.", "a.localhost", "127.0.0.1.", "127.1.", "0x7f000001.", "2130706433."),
    *("１２７.0.0.1", "127。0。0。1", "①②⑦.0.0.1", "127．0．0．1"),
    *("ｌｏｃａｌｈｏｓｔ", "Ⓛocalhost", "loc\u00adalhost", "𝟙27.0.0.1"),
    *("%31%32%37.0.0.1", "127%2e0%2e0%2e1", "%6cocalhost", "127.0.0.1%00", "127.0.0.1%00.public.example"),
    *("[127.0.0.1]", "[::1", "::1", "[[::1]]", "[v1.::1]", "127.0.0.1%20", "127.0.0.1\t", "127.0.0.1\n"),
    *("\t127.0.0.1", "café.example"),
)  # fmt: skip
AUTHORITIES = (  # user info, and whatever two parsers might read in two ways; {port} is the listener's
    *("public.example@127.0.0.1:{port}", "public.example:443@127.0.0.1:{port}", "a:b@localhost:{port}"),
    *("@127.0.0.1:{port}", "127.0.0.1:{port}@public.example", "public.example%40127.0.0.1:{port}"),
    *("a@b@127.0.0.1:{port}", "127.0.0.1:{port}#@public.example", "127.0.0.1:{port}?@public.example"),
    *("127.0.0.1:{port}\\@public.example", "public.example\\@127.0.0.1:{port}", "public.example#@127.0.0.1:{port}"),
    *("127.0.0.1:{port}/@public.example", "127.0.0.1:0{port}", "127.0.0.1:{port}:443", "127.0.0.1:+{port}"),
    *("127.0.0.1: {port}", "127.0.0.1 :{port}", "public.example\r\nHost: x@127.0.0.1:{port}"),
    *("[::1]:{port}@public.example", "[::1].x:{port}"),
)  # fmt: skip
WHOLE = (  # schemes and shapes
    *("http://127.0.0.1:{port}/", "http://localhost:{port}/", "http://[::1]:{port}/"),
    *("http://loopback.example:{port}/", "HTTP://127.0.0.1:{port}/", "ftp://127.0.0.1:{port}/"),
    *("gopher://127.0.0.1:{port}/_GET", "file:///etc/passwd", "file://127.0.0.1:{port}/"),
    *("dict://127.0.0.1:{port}/info", "ldap://127.0.0.1:{port}/", "ws://127.0.0.1:{port}/"),
    *("wss://127.0.0.1:{port}/", "//127.0.0.1:{port}/", "127.0.0.1:{port}", "https:127.0.0.1:{port}", "data:,x"),
    *("https:/127.0.0.1:{port}/", "https:\\\\127.0.0.1:{port}\\", "https:///127.0.0.1:{port}/"),
    *("jar:https://127.0.0.1!/", "url:https://127.0.0.1:{port}/", "unix:///run/x.sock"),
    *("http+unix://%2frun%2fx.sock/", " https://127.0.0.1:{port}/", "https+http://127.0.0.1:{port}/"),
    *("hTTps://127.1:{port}/", "https://127.0.0.1:{port}", "https://127.1:{port}?a"),
)  # fmt: skip
URLS = (
    *(f"https://{host}:{{port}}/" for host in (*V4_HOSTS, *V4_ELSEWHERE, *V6_HOSTS, *ODD_HOSTS, *ANSWERS)),
    *(f"https://{authority}/" for authority in AUTHORITIES),
    *WHOLE,
)
REDIRECTS = tuple(
    (status, f"{location}/{number}")
    for number, location in enumerate(
        (
            *("http://127.0.0.1:{port}", "https://localhost:{port}", "https://2130706433:{port}", "//127.0.0.1:{port}"),
            *("https://[::1]:{port}", "http://169.254.169.254/latest/meta-data", "https://loopback.example:{port}"),
            *("https://[::ffff:7f00:1]:{port}", "http://user@127.1:{port}", "gopher://127.0.0.1:{port}"),
        )
    )
    for status in (301, 302, 303, 307, 308)
)
KEY_USES = (
    *("digital_signature", "content_commitment", "key_encipherment", "data_encipherment", "key_agreement"),
    *("key_cert_sign", "crl_sign", "encipher_only", "decipher_only"),
)


class Names:
    """A resolver: the names of `ANSWERS`, addresses in any spelling that the real one takes, and localhost."""

    def __init__(self) -> None:
        self.answers = {name: [list(answer) for answer in answers] for name, answers in ANSWERS.items()}
        self.asked: list[str] = []
        self.seconds = 0.0
        self._real = socket.getaddrinfo

    def getaddrinfo(self, host: Any, port: Any, *more: Any, **options: Any) -> list[Any]:
        """As socket.getaddrinfo."""
        name = host.decode() if isinstance(host, bytes) else host
        self.asked.append(name)
        time.sleep(self.seconds)
        if answers := self.answers.get(name):
            answer = answers.pop(0) if len(answers) > 1 else answers[0]
            return [found for address in answer for found in self._real(address, port, type=socket.SOCK_STREAM)]
        if name.rstrip(".").lower() == "localhost":
            return self._real("127.0.0.1", port, *more, **options)
        return self._real(host, port, type=socket.SOCK_STREAM, flags=socket.AI_NUMERICHOST)


class Inside:
    """What must not be reached: one port on several addresses of this machine; who comes is counted and sent away."""

    def __init__(self) -> None:
        self.reached, self.port = 0, 0
        self._sockets = list[socket.socket]()
        for address in INSIDE:
            family = socket.AF_INET6 if ":" in address else socket.AF_INET
            self._sockets.append(socket.create_server((address, self.port), family=family, backlog=100))
            self.port = self._sockets[-1].getsockname()[1]
            threading.Thread(target=self._count, args=(self._sockets[-1],), daemon=True).start()

    def _count(self, listening: socket.socket) -> None:
        with suppress(OSError):  # closed: the test is over
            while True:
                came, _ = listening.accept()
                self.reached += 1
                came.close()

    def close(self) -> None:
        """Listen no more."""
        for each in self._sockets:
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
            each.close()


class Attempts:
    """Every address that this process tries to connect to, as Python's audit events tell; a hook is for ever."""

    def __init__(self) -> None:
        self.seen: list[Any] | None = None
        sys.addaudithook(self._hear)

    def _hear(self, event: str, arguments: tuple[Any, ...]) -> None:
        if event == "socket.connect" and self.seen is not None and isinstance(arguments[1], tuple):
            self.seen.append(arguments[1])

    @contextmanager
    def watched(self) -> Iterator[list[Any]]:
        """Within, what is tried is added to the list."""
        self.seen = []
        try:
            yield self.seen
        finally:
            self.seen = None


class Authority:
    """Vouches for one server, by its name and its address; `file` is what a client has to trust."""

    def __init__(self, folder: Path) -> None:
        root, key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
        alternatives = x509.SubjectAlternativeName(
            [x509.DNSName("public.example"), x509.IPAddress(ipaddress.ip_address(PUBLIC))]
        )
        ours = x509.BasicConstraints(ca=True, path_length=0)
        signs = x509.KeyUsage(
            **dict.fromkeys(KEY_USES, False) | {"digital_signature": True, "key_cert_sign": True, "crl_sign": True}
        )
        self.file, self._pair = folder / "root.pem", folder / "server.pem"
        self.file.write_bytes(self._signed("root", root, root, [(ours, True), (signs, True)]))
        made = self._signed("server", key, root, [(alternatives, False), (x509.BasicConstraints(False, None), True)])
        secret = key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        self._pair.write_bytes(secret + made)

    def context(self) -> ssl.SSLContext:
        """The server's side of TLS."""
        made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        made.load_cert_chain(self._pair)
        return made

    def _signed(
        self,
        name: str,
        key: ec.EllipticCurvePrivateKey,
        root: ec.EllipticCurvePrivateKey,
        extensions: list[tuple[x509.ExtensionType, bool]],
    ) -> bytes:
        now = datetime.datetime.now(datetime.UTC)
        subject, issuer = (x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, said)]) for said in (name, "root"))
        building = (
            x509.CertificateBuilder(issuer, subject, key.public_key(), x509.random_serial_number())
            .not_valid_before(now - datetime.timedelta(days=1))
            .not_valid_after(now + datetime.timedelta(days=1))
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(root.public_key()), critical=False)
        )
        for extension, critical in extensions:
            building = building.add_extension(extension, critical=critical)
        return building.sign(root, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)


@dataclass(frozen=True, slots=True, kw_only=True)
class Came:
    """A request as it came, and the name that TLS was asked for."""

    line: str
    headers: Message
    body: bytes
    sni: str | None


class Secured(ThreadingHTTPServer):
    """Speaks TLS, each connection's handshake in its own thread."""

    context: ssl.SSLContext
    daemon_threads = True

    def finish_request(self, request: Any, client_address: Any) -> None:
        with (
            suppress(OSError),  # whoever called did not like the certificate, or has gone
            self.context.wrap_socket(request, server_side=True) as secured,
        ):
            super().finish_request(secured, client_address)


class Public:
    """A server at `PUBLIC` that speaks TLS; keeps what came. Also a context manager."""

    headers = (("x-echo", "yes"),)

    def __init__(self, authority: Authority, port: int = 0) -> None:
        self.authority = authority
        self.came: list[Came] = []
        self.status, self.location, self.body, self.sent = 200, "", 0, 0
        self.done = threading.Event()
        self._names: dict[Any, str | None] = {}
        context = authority.context()
        context.sni_callback = lambda over, name, _: self._names.update({over: name})
        self._server = Secured((PUBLIC, port), self._handler())
        self._server.context = context
        threading.Thread(target=self._server.serve_forever, args=(0.005,), daemon=True).start()
        self.port: int = self._server.server_address[1]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        public = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                sni = public._names.get(self.request)
                public.came.append(Came(line=self.requestline, headers=self.headers, body=body, sni=sni))
                self.send_response_only(public.status)
                self.send_header("X-Echo", "yes")
                if public.location:
                    self.send_header("Location", public.location)
                try:
                    self.end_headers()
                    while public.sent < public.body:
                        self.wfile.write(b"x" * 65536)
                        public.sent += 65536
                finally:
                    public.done.set()

            def log_message(self, *_: object) -> None:
                """Quiet."""

        return Handler


@pytest.fixture(scope="module")
def attempts() -> Attempts:
    """The one hook."""
    return Attempts()


@pytest.fixture
def names(monkeypatch: pytest.MonkeyPatch) -> Names:
    """The resolver of this process for a test."""
    made = Names()
    monkeypatch.setattr(socket, "getaddrinfo", made.getaddrinfo)
    return made


@pytest.fixture(scope="module")
def inside() -> Iterator[Inside]:
    """The listeners."""
    made = Inside()
    yield made
    made.close()


def carry(url: str, **options: Any) -> Response | str:
    """The answer, or why there is none."""
    try:
        return endpoints.carry(url, REQUEST, SECONDS, **options)
    except endpoints.Unreached as unreached:
        return f"{type(unreached).__name__}: {unreached}"


def without_the_form(url: str, loopback: bool = False) -> None:
    """As if every URL that httpcore has a scheme for had the right form: what is left is the look at the address."""
    if not url.lower().startswith(("http://", "https://")):
        raise Refused(Problem("url", "is none of httpcore's"))


def at(inside: Inside, url: str) -> str:
    return url.replace("{port}", str(inside.port))


def test_the_table_is_long_and_says_nothing_twice() -> None:
    assert len(URLS) == len(set(URLS)) >= 120
    assert len(REDIRECTS) == 50


@pytest.mark.parametrize("layers", ["both layers", "the look at the address alone"])
def test_no_url_of_the_table_reaches_anything(
    layers: str, names: Names, inside: Inside, attempts: Attempts, monkeypatch: pytest.MonkeyPatch
) -> None:
    if layers != "both layers":
        monkeypatch.setattr(destination, "check", without_the_form)
    before, said = inside.reached, dict[str, Response | str]()
    with attempts.watched() as tried:
        for url in URLS:
            names.answers = Names().answers
            said[url] = carry(at(inside, url))
    barred = sum(isinstance(why, str) and why.startswith("Barred") for why in said.values())
    reached = inside.reached - before
    print(f"{layers}: {len(URLS)} URLs, {reached} reached, {len(tried)} connections tried, {barred} barred")
    assert [url for url, why in said.items() if not isinstance(why, str)] == []
    assert (tried, reached) == ([], 0)
    assert barred == len(URLS) if layers == "both layers" else barred >= 100


def test_without_the_guard_they_get_there(names: Names, inside: Inside, monkeypatch: pytest.MonkeyPatch) -> None:
    """That the listeners count, and that resolvers take the URLs of the table: the same ones, not judged."""
    here = {ipaddress.ip_address(text) for text in (*INSIDE, "0.0.0.0", "::", "::ffff:127.0.0.1", "::ffff:127.1.1.1")}
    monkeypatch.setattr(destination, "check", without_the_form)
    monkeypatch.setattr(destination, "refusal", lambda address, _: None if address in here else "not on this machine")
    reached = 0
    for url in URLS:
        before = inside.reached
        carry(at(inside, url))
        reached += inside.reached > before
    print(f"without the guard: {reached} of {len(URLS)} URLs reach a listener on this machine")
    assert reached >= 60  # the others lead to other machines, or to nothing that a resolver takes


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    """Who vouches for the public servers of these tests."""
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture
def public(authority: Authority, names: Names, monkeypatch: pytest.MonkeyPatch) -> Iterator[Public]:
    """A public server as far as the rule knows: the one address `PUBLIC` is let through, every other one is judged."""
    real = destination.refusal

    def refusal(address: destination.Address, loopback: bool = False) -> str | None:
        return None if str(address) == PUBLIC else real(address, loopback)

    monkeypatch.setattr(destination, "refusal", refusal)
    monkeypatch.setattr(endpoints, "_trust", lambda: ssl.create_default_context(cafile=authority.file))
    names.answers |= {"public.example": [[PUBLIC]], "other.example": [[PUBLIC]]}
    with Public(authority) as made:
        yield made


def test_a_public_server_is_called_over_tls_by_its_name(public: Public, names: Names) -> None:
    url = f"https://public.example:{public.port}/hook/%20a?key=1&b=%2F"
    said = endpoints.carry(url, replace(REQUEST, query=b"c=2"), SECONDS)
    assert (said.status, said.header("x-echo")) == (200, "yes")
    (came,) = public.came
    assert (came.line, came.body) == ("POST /hook/%20a?key=1&b=%2F&c=2 HTTP/1.1", b"news")
    assert (came.sni, came.headers["Host"]) == ("public.example", f"public.example:{public.port}")
    assert (came.headers["Content-Type"], came.headers["Content-Length"]) == ("text/plain", "4")
    assert names.asked == ["public.example"]  # one look-up, and the connection went to what it said


def test_a_public_address_is_called_without_a_name(public: Public) -> None:
    assert carry(f"https://{PUBLIC}:{public.port}/") == Response(status=200, headers=public.headers)
    assert public.came[0].sni is None  # RFC 6066: an address is no server name


def test_a_dead_address_leaves_the_next_its_turn(public: Public, names: Names, monkeypatch: pytest.MonkeyPatch) -> None:
    names.answers["public.example"] = [["127.0.0.3", PUBLIC]]
    real = destination.refusal
    monkeypatch.setattr(destination, "refusal", lambda a, b=False: None if str(a) == "127.0.0.3" else real(a, b))
    assert isinstance(carry(f"https://public.example:{public.port}/"), Response)


def test_a_certificate_must_be_of_the_name_and_of_somebody_known(
    public: Public, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert carry(f"https://other.example:{public.port}/") == "Unreached: ConnectError"  # the certificate is another's
    monkeypatch.setattr(endpoints, "_trust", ssl.create_default_context)
    assert carry(f"https://public.example:{public.port}/") == "Unreached: ConnectError"  # nobody knows who vouches
    assert public.came == []


def test_a_redirect_is_an_answer_and_leads_nowhere(public: Public, inside: Inside, attempts: Attempts) -> None:
    before = inside.reached
    with attempts.watched() as tried:
        for public.status, location in REDIRECTS:
            public.location = at(inside, location)
            said = carry(f"https://public.example:{public.port}/")
            assert isinstance(said, Response) and said.status == public.status
            assert said.header("location") == public.location
    print(f"{len(REDIRECTS)} redirects, {inside.reached - before} reached")
    assert ({host for host, *_ in tried}, len(tried), inside.reached - before) == ({PUBLIC}, len(REDIRECTS), 0)


@pytest.mark.parametrize(
    ("answers", "called"),
    [
        ([[PUBLIC], ["127.0.0.1"]], [True, False, False]),
        ([["127.0.0.1"], [PUBLIC]], [False, True, True]),
        ([[PUBLIC], ["::1"], [PUBLIC], ["169.254.169.254"]], [True, False, True, False]),
        ([[PUBLIC], [PUBLIC, "127.0.0.1"], ["127.0.0.1", PUBLIC], [PUBLIC]], [True, False, False, True]),
        ([[PUBLIC] * 9 + ["10.0.0.1"], [PUBLIC]], [False, True]),
    ],
)
def test_a_name_whose_answer_changes_is_judged_by_the_answer_that_is_used(
    answers: list[list[str]], called: list[bool], public: Public, names: Names, inside: Inside, attempts: Attempts
) -> None:
    """The victim listens at the port that the URL names, where a second look-up would lead."""
    names.answers["public.example"], before = answers, inside.reached
    with Public(public.authority, port=inside.port) as there, attempts.watched() as tried:
        said = [carry(f"https://public.example:{inside.port}/") for _ in called]
        assert len(there.came) == sum(called)
    assert [isinstance(each, Response) for each in said] == called
    assert [each for each in said if isinstance(each, str) and not each.startswith("Barred: ")] == []
    assert len(names.asked) == len(called)  # never asked again between judging and connecting
    assert ({host for host, *_ in tried}, inside.reached - before) == ({PUBLIC}, 0)


def test_the_switch_opens_this_machine_and_nothing_else(names: Names, inside: Inside, attempts: Attempts) -> None:
    with Endpoint() as endpoint:
        port = endpoint.url.split(":")[2].partition("/")[0]
        for host in ("127.0.0.1", "localhost"):
            assert isinstance(carry(f"http://{host}:{port}/", loopback=True), Response)
            assert str(carry(f"http://{host}:{port}/")).startswith("Barred: ")
    closed = {
        *(f"https://{host}:{{port}}/" for host in V4_ELSEWHERE),
        *(f"https://{name}:{{port}}/" for name in ANSWERS if not _is_loopback(name)),
        *("http://loopback.example:{port}/", "http://127.1:{port}/", "https://[::ffff:127.0.0.1]:{port}/"),
        *(
            "https://0.0.0.0:{port}/",
            "https://[::]:{port}/",
            "http://user@127.0.0.1:{port}/",
            "ftp://127.0.0.1:{port}/",
        ),
    }
    before = inside.reached
    with attempts.watched() as tried:
        said = {url: carry(at(inside, url), loopback=True) for url in closed}
    assert [url for url, why in said.items() if not str(why).startswith("Barred: ")] == []
    assert (tried, inside.reached - before) == ([], 0)


def _is_loopback(name: str) -> bool:
    found = {text for answer in ANSWERS[name] for text in answer}
    return any(ipaddress.ip_address(text).is_loopback and not text.startswith("::ffff:") for text in found)


def test_a_slow_look_up_has_its_time_and_no_more(names: Names) -> None:
    names.seconds, began = 3.0, time.monotonic()
    assert carry("https://public.example/") == "Unreached: TimeoutError"
    assert time.monotonic() - began < SECONDS + 0.9


def test_an_answer_without_an_end_is_not_read(public: Public) -> None:
    public.body, began = 1 << 30, time.monotonic()
    assert isinstance(carry(f"https://public.example:{public.port}/"), Response)
    public.done.wait(SECONDS)
    assert time.monotonic() - began < SECONDS
    assert public.sent < 1 << 24  # what the system's buffers took


def test_a_header_without_an_end_is_no_answer(public: Public) -> None:
    public.location = "https://public.example/" + "x" * (1 << 20)
    assert carry(f"https://public.example:{public.port}/") == "Unreached: RemoteProtocolError"
