#!/usr/bin/env python3
"""How long a ban takes while others write (N9): a channel of which eight members post 1 KiB as fast as the station takes it,
with 64 posts of each waiting there all the time; one of them is banned, and let in again, as often as --bans says.

Told are quantiles of: the station's own word (`took`), the answer, the end of the last of three connections of the banned, and
beside them an ordinary post at the same time. usage: ban.py [--bans N] [--writers N] [--quick]
"""
import argparse
import os
import sys
import tempfile
import threading
import time
import uuid
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests" / "e2e"))
sys.dont_write_bytecode = True

import harness  # noqa: E402
from crowd import ENDED, WITHOUT_QUOTAS, Crowd, Reading, ask  # noqa: E402
from peer import packets  # noqa: E402

WINDOW = 64  # limits.md section 4: what the station takes of a connection without an answer


class Poster:
    """Keeps WINDOW posts unanswered on a lane, until it is closed or stopped."""

    def __init__(self, lane, channel):
        self.lane, self.channel, self.stopped = lane, channel, False
        self.reading = Reading(lane)
        self.text = os.urandom(512).hex().encode()
        threading.Thread(target=self.run, daemon=True).start()

    def run(self):
        sent = 0
        try:
            while not self.stopped:
                room = WINDOW - (sent - len(self.reading.codes))
                if room <= 0:
                    self.reading.until(lambda one: sent - len(one.codes) < WINDOW or one.closed)
                if self.reading.closed:
                    return
                out = b""
                for _ in range(max(room, 1)):
                    guid = uuid.uuid4().hex
                    out += packets.write("CREATE", self.text, {"id": str(1000 + sent), "type": "message", "target": self.channel, "guid": guid})
                    sent += 1
                self.lane.send_raw(out)
        except ENDED:
            pass


def quantiles(values):
    values = sorted(values)
    at = lambda share: values[min(len(values) - 1, int(share * len(values)))]
    return at(0.5), at(0.9), at(0.99), values[-1]


def one_ban(crowd, bob, second, friend):
    """Milliseconds: took, answer, last connection closed; and of an ordinary post at the same time."""
    for session in (bob, second):
        session.open_text(None)
    crowd.let_in(bob)
    readings = [Reading(second.text), Reading(crowd.lane(bob))]
    his = Poster(bob.text, crowd.channel)
    his.reading.until(lambda one: len(one.codes) > WINDOW)
    begun = time.monotonic()
    answer = ask(friend, "CREATE", "message", crowd.channel, b"an ordinary post", guid=uuid.uuid4().hex)
    ordinary = time.monotonic() - begun
    assert answer.code == 201, answer
    answer, begun, answered = crowd.ban(bob)
    assert answer.code == 201 and answer["streams"] == "3", answer
    readings.append(his.reading)
    for one in readings:
        one.until(lambda reading: reading.closed)
    crowd.lift(bob)
    return int(answer["took"]), *(1000 * (at - begun) for at in (answered, max(one.closed for one in readings))), 1000 * ordinary


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--bans", type=int, default=200)
    parser.add_argument("--writers", type=int, default=8)
    parser.add_argument("--quick", action="store_true", help="a glance: does it work?")
    options = parser.parse_args()
    if options.quick:
        options.bans, options.writers = 3, 2
    with tempfile.TemporaryDirectory(prefix="dim-ban-bench-") as folder:
        station = harness.Station(folder)
        try:
            station.stop()
            with open(os.path.join(station.data, "dimd.toml"), "w", encoding="utf-8") as config:
                config.write(WITHOUT_QUOTAS)
            station.start()
            crowd = Crowd(station)
            friend, bob = crowd.member(), crowd.person()
            second = crowd.person(bob.account)
            for session in (bob, second):
                session.text.close()
            writers = [Poster(crowd.member().text, crowd.channel) for _ in range(options.writers)]
            for one in writers:
                one.reading.until(lambda reading: len(reading.codes) > WINDOW)
            before, begun = sum(len(one.reading.codes) for one in writers), time.monotonic()
            rows = [one_ban(crowd, bob, second, friend) for _ in range(options.bans)]
            posts = (sum(len(one.reading.codes) for one in writers) - before) / (time.monotonic() - begun)
            for one in writers:
                one.stopped = True
            print(f"{options.bans} bans while {options.writers} members write {posts:.0f} posts a second, {WINDOW} of each waiting")
            print("| ms | p50 | p90 | p99 | most |\n| --- | ---: | ---: | ---: | ---: |")
            names = ("at the station (`took`)", "until the answer", "until the last connection of the banned is closed",
                     "an ordinary post, of somebody who has nothing waiting")
            for name, column in zip(names, zip(*rows)):
                print(f"| {name} | " + " | ".join(f"{one:.1f}" for one in quantiles(column)) + " |")
            crowd.close()
        finally:
            station.kill()


if __name__ == "__main__":
    main()
