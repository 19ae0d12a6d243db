#!/usr/bin/env python3
"""How fast stations of the dimchat world relay, side by side on this machine: ours and the reference's two.

    bench/dimchat/side_by_side.py [--messages N] [--idle N] [--ours]

dim-dimchat-load (./dev build release dim-dimchat-load) plays one pair over MTP against each station in turn; our
station keeps every message on its disk before it says OK, the reference has no disk in this. Prints one line a run,
then how many times faster ours is than the faster of the others. Then so many people log in to each and only stay:
how many it takes, and what memory they cost it. --messages 0 and --idle 0 leave out the one or the other. With --ours
nothing has to be installed: it measures our station alone.
"""
import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import threading

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
sys.path.insert(0, os.path.join(ROOT, "tests", "reference"))
import ours
from harness import ReferenceStation

IDLE_SECONDS = 240  # for logging in
MOST_OF_REFERENCE = 300  # more than a station of it takes

# Quotas are for people; one pair that writes as fast as it can is none.
CONFIG = """[quotas]
messages_per_second = 0
history_per_second = 0
documents_per_hour = 0
subnet_messages_per_second = 0
logins_per_second = 0
failed_logins_per_minute = 0
[network]
unauthenticated = 60000
unauthenticated_per_64 = 60000
unauthenticated_per_48 = 60000
connections_per_second = 0
[log]
level = "warn"
"""


class World:
    def __init__(self):
        self.folder = tempfile.mkdtemp(prefix="dim-dimchat-bench-")
        self.programs = []

    def end(self):
        for program in reversed(self.programs):
            program.stop()
        self.programs = []


def load(station, *arguments, timeout=600):
    done = subprocess.run([os.path.join(ours.BIN, "dim-dimchat-load"), "--port", str(station.port), *arguments],
                          capture_output=True, text=True, timeout=timeout)
    if done.returncode != 0:
        raise SystemExit(f"dim-dimchat-load: {done.stderr}\n{station.words()}")
    return [json.loads(line) for line in done.stdout.splitlines()]


def memory_mib(process):
    with open(f"/proc/{process.pid}/status", encoding="ascii") as file:
        return next(int(line.split()[1]) / 1024 for line in file if line.startswith("VmRSS:"))


def idle(name, station, count):
    before = memory_mib(station.process)
    process = subprocess.Popen([os.path.join(ours.BIN, "dim-dimchat-load"), "--port", str(station.port), "--idle", str(count),
                                "--hold", "10", "--limit", str(IDLE_SECONDS)], stdout=subprocess.PIPE, text=True)
    watch = threading.Timer(2 * IDLE_SECONDS, process.kill)
    watch.start()
    try:
        figures = json.loads(process.stdout.readline())
        grown = memory_mib(station.process) - before
        figures["station_mib"] = round(grown, 1)
        figures["kib_each"] = round(grown * 1024 / max(1, figures["idle"]), 1)
        figures.update(json.loads(process.stdout.readline()))
        process.wait()
    except ValueError:
        raise SystemExit(f"dim-dimchat-load was ended after {2 * IDLE_SECONDS} s\n{station.words()}") from None
    finally:
        watch.cancel()
    print(json.dumps({"station": name, **figures}), flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--messages", type=int, default=30_000, help="that ours relays (the reference: a fiftieth)")
    parser.add_argument("--idle", type=int, default=10_000, help="connections that only stay (the reference: 300 at most)")
    parser.add_argument("--ours", action="store_true", help="only our station, without the reference")
    options = parser.parse_args()
    world = World()
    best = {}
    try:
        config = os.path.join(world.folder, "bench.toml")
        with open(config, "w", encoding="ascii") as file:
            file.write(CONFIG)
        stations = {"ours": lambda: ours.OurStation(world, "--config", config),
                    "2025": lambda: ReferenceStation(world, "2025"), "2026": lambda: ReferenceStation(world, "2026")}
        if options.ours:
            stations = {"ours": stations["ours"]}
        for name, start in stations.items() if options.messages else ():
            station = start()
            for window in (32, 64, 128):
                messages = options.messages if name == "ours" else max(200, options.messages // 50)
                figures = load(station, "--messages", str(messages), "--window", str(window))[0]
                print(json.dumps({"station": name, **figures}), flush=True)
                best[name] = max(best.get(name, 0), figures["per_second"])
            world.end()
        for name, start in stations.items() if options.idle else ():
            idle(name, start(), options.idle if name == "ours" else min(options.idle, MOST_OF_REFERENCE))
            world.end()
    finally:
        world.end()
        shutil.rmtree(world.folder, ignore_errors=True)
    if len(best) > 1:
        print(f"ours relays {best['ours'] / max(best['2025'], best['2026']):.0f} times as much as the faster of the others")


if __name__ == "__main__":
    main()
