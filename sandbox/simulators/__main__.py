"""`python -m sandbox.simulators <vendor>`: runs one simulator until SIGTERM or SIGINT.

Prints one JSON line `{"vendor": ..., "url": ...}` when it serves.
"""

import argparse
import importlib
import json
import signal
import threading
from typing import Any

from sandbox.simulators.server import Simulator, Vendor

VENDORS = {
    "bulksms": "sandbox.simulators.bulksms",
    "hubb": "sandbox.simulators.hubb",
    "ucontact": "sandbox.simulators.ucontact",
}


def create(name: str) -> Vendor:
    """The vendor of that name; its module exports the class as `VENDOR`."""
    vendor: Vendor = importlib.import_module(VENDORS[name]).VENDOR()
    return vendor


def _setting(text: str) -> tuple[str, Any]:
    name, equals, value = text.partition("=")
    if not equals:
        raise argparse.ArgumentTypeError("NAME=JSON is wanted")
    try:
        return name, json.loads(value)
    except ValueError:
        return name, value


def main() -> None:
    """Reads the arguments, serves, and stops at a signal."""
    parser = argparse.ArgumentParser(prog="python -m sandbox.simulators", description=__doc__)
    parser.add_argument("vendor", choices=sorted(VENDORS))
    parser.add_argument("--port", type=int, default=0, help="0 picks a free one")
    parser.add_argument("--callback", help="the URL that receipts and inbound messages go to")
    parser.add_argument(
        "--set", type=_setting, action="append", default=[], metavar="NAME=JSON", help="a vendor's setting"
    )
    arguments = parser.parse_args()
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    vendor = create(arguments.vendor)
    with Simulator(vendor, port=arguments.port, callback=arguments.callback, settings=dict(arguments.set)) as simulator:
        print(json.dumps({"vendor": arguments.vendor, "url": simulator.url}), flush=True)
        stop.wait()


if __name__ == "__main__":
    main()
