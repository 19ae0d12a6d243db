#!/usr/bin/python3
"""Checks any DIM/2023 station over its sockets.

Give it an invitation (docs/protocol/uris.md section 2). It makes accounts of its own, does what the documents allow and
what they forbid, and compares every answer. It leaves these accounts, some names and some messages at the station.
"""
import argparse
import importlib
import re
import sys
from pathlib import Path
from urllib.parse import unquote

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))
sys.dont_write_bytecode = True

try:
    import report
    import suite
except ModuleNotFoundError as missing:
    print(f"{missing.name} is missing; on Debian: apt install python3-cryptography python3-openssl, and run it with "
          "/usr/bin/python3", file=sys.stderr)
    sys.exit(2)

for page in sorted((HERE / "claims").glob("*.py")):
    importlib.import_module("claims." + page.stem)


def invitation(link):
    """(station ID, host, port) of a link dim:station:…"""
    found = re.fullmatch(r"dim:station:([^?]+)\?([^#]*)(?:#.*)?", link)
    if not found:
        raise argparse.ArgumentTypeError("an invitation is written dim:station:ID?host=HOST;port=PORT;…")
    first = {}
    for one in found.group(2).split(";"):
        key, _, value = one.partition("=")
        first.setdefault(key, unquote(value))
    if "host" not in first:
        raise argparse.ArgumentTypeError("the invitation names no host")
    port = first.get("port", "8800")
    if not port.isdigit() or not 1 <= int(port) <= 65530:
        raise argparse.ArgumentTypeError("the port of an invitation is 1 to 65530")
    return unquote(found.group(1)), first["host"].strip("[]"), int(port)


def arguments(argv):
    parser = argparse.ArgumentParser(prog="check.py", description=__doc__.splitlines()[0], epilog="exit codes: 0 every "
                                     "claim that was checked holds; 1 some do not; 2 wrong usage")
    parser.add_argument("invitation", nargs="?", type=invitation, help="the station's link: dim:station:ID?host=…")
    parser.add_argument("--address", metavar="HOST:PORT", help="where port 8800 of the station is, if not where the link says")
    parser.add_argument("--only", action="append", metavar="ID", default=[],
                        help="only these claims; may stand more than once, or as P01,P02")
    parser.add_argument("--list", action="store_true", help="print the claims and where they are from")
    parser.add_argument("--json", action="store_true", help="the report as one JSON object")
    parser.add_argument("--junit", metavar="FILE", help="write the report as JUnit's XML too")
    parser.add_argument("--jobs", type=int, default=12, help="claims at a time (default 12; most of them wait)")
    parser.add_argument("--gentle", action="store_true",
                        help="few connections a second and one claim at a time, for a station that counts them by network; "
                        "so it is when the station is not on ::1")
    parser.add_argument("--slow", action="store_true", help="also what takes minutes")
    parser.add_argument("--web", metavar="PORT", type=int, help="where the web gateway of the station is, if it has one")
    parser.add_argument("--ban", metavar="COMMAND", help="bans the user whose ID is put behind it")
    parser.add_argument("--register", metavar="COMMAND", help="with `invite` behind it: takes new people by invitation alone, and "
                        "prints a link with a code for one; with `open`: takes everybody again")
    parser.add_argument("--crash", metavar="COMMAND", help="kills the station without warning, and starts it again")
    parser.add_argument("--stop", metavar="COMMAND", help="stops the station in an orderly way")
    options = parser.parse_args(argv)
    names = [name for value in options.only for name in value.split(",")]
    for name in names:
        if name not in suite.CLAIMS:
            parser.error(f"there is no claim {name}; --list shows all")
    options.chosen = [suite.CLAIMS[name] for name in sorted(names or suite.CLAIMS)]
    if not options.list and options.invitation is None:
        parser.error("which station? Give its invitation, dim:station:ID?host=HOST;port=PORT")
    if options.address:
        found = re.fullmatch(r"\[([^\]]+)\]:(\d+)|([^:\[\]]+):(\d+)", options.address)
        if not found or options.invitation is None:
            parser.error("an address is written HOST:PORT or [ADDRESS]:PORT, beside an invitation")
        options.invitation = (options.invitation[0], found[1] or found[3], int(found[2] or found[4]))
    return options


def main(argv):
    options = arguments(argv)
    if options.list:
        for one in options.chosen:
            note = f"  (not checked: {one.reason})" if one.reason else ""
            print(f"{one.name:4} {one.title}  [{report.where(one, None)}]{note}")
        return 0
    operator = {name: value for name in ("ban", "register", "crash", "stop") if (value := getattr(options, name))}
    plan = suite.Plan(*options.invitation, operator=operator, slow=options.slow, web=options.web,
                      gentle=options.gentle or options.invitation[1] != "::1")
    told = (lambda result: None) if options.json else (lambda result: print(report.line(result), flush=True))
    results = suite.run(plan, options.chosen, options.jobs, told)
    if options.json:
        print(report.as_json(results, plan))
    else:
        print(report.summary(results, plan))
    if options.junit:
        report.write_junit(options.junit, results)
    return 1 if any(result.outcome in ("failed", "error") for result in results) else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
