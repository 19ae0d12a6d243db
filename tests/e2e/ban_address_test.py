"""F69: who comes from a banned address is out at once, and all others stay. Addresses of one's own take a network of one's
own; where the system gives none, the only address there is is banned, which is everybody's."""
import json
import os
import subprocess
import time

import harness
from harness import of

HERE, THERE, NEAR = "fd00:1::1", "fd00:2::2", "fd00:2::3"  # the last two are of one /64
NETWORK = " && ".join(["ip link set lo up", *(f"ip -6 addr add {one}/128 dev lo nodad" for one in (HERE, THERE, NEAR))])
OWN_NETWORK = False


class Addresses(harness.EndToEnd):
    def admin(self, *words, code=0):
        done = subprocess.run([os.path.join(harness.BIN, "dimd"), "admin", *words, "--data", self.at.data, "--json"],
                              capture_output=True, text=True, timeout=60, stdin=subprocess.DEVNULL)
        self.assertEqual(done.returncode, code, done.stdout + done.stderr)
        return [json.loads(line) for line in done.stdout.splitlines()]

    def listen(self, person):
        listener = person.start("listen", "--timeout", "600")
        self.addCleanup(lambda: (listener.kill(), listener.communicate()))
        harness.until(listener, "connected")
        return listener

    def come_from(self, person, address):
        person.run("join", self.at.link().replace("host=[::1]", f"host=[{address}]"), "--name", person.name)
        return person

    def sessions(self, name):
        return self.admin("users", "show", name)[0]["user"]["sessions"]

    def test_F69_N9_a_ban_of_a_network_ends_who_is_there_keeps_them_out_and_touches_nobody_else(self):
        ours, theirs = (HERE, THERE) if OWN_NETWORK else ("::1", "::1")
        harness.Station.listen = "::" if OWN_NETWORK else "::1"
        self.at = self.station()
        alice, bobby = self.come_from(self.person("alice"), ours), self.come_from(self.person("bobby"), theirs)
        hers, his = self.listen(alice), self.listen(bobby)
        bobby.run("send", "alice", "hello")
        harness.until(hers, "message")
        self.assertEqual((self.sessions("alice"), self.sessions("bobby")), (1, 1))

        banned = "fd00:2::/64" if OWN_NETWORK else "::1"
        ban = self.admin("bans", "add", banned, "--reason", "spam", "--until", "2h")[0]
        self.assertEqual(ban["streams"], 2 if OWN_NETWORK else 4, "8800 and 8801 of each who is there")
        self.assertGreaterEqual(ban["took"], 0)
        print(f"took {ban['took']} ms", flush=True)
        self.assertEqual(self.sessions("bobby"), 0, "when it is answered")
        self.assertEqual([(one["target"], one["reason"]) for one in self.admin("bans", "list")], [(banned, "spam")])
        # Neither he nor anybody else from there comes in, with an old or a new ID, from this or a neighbouring address.
        self.assertFalse(of(bobby.run("status", code=1), "status")[0]["connected"])
        self.assertEqual(self.sessions("bobby"), 0)
        for number, address in enumerate((theirs, NEAR) if OWN_NETWORK else (theirs,)):
            stranger = self.person(f"stranger_{number}")
            done = subprocess.run(stranger.command("join", self.at.link().replace("host=[::1]", f"host=[{address}]"), "--name",
                                                   stranger.name), capture_output=True, text=True, timeout=120)
            self.assertNotEqual(done.returncode, 0, done.stdout)
            self.assertIn("error", done.stdout + done.stderr)
        self.assertEqual(len(self.admin("users", "list")), 2)
        if OWN_NETWORK:
            self.assertEqual(self.sessions("alice"), 1)
            self.assertEqual(of(alice.run("send", "bobby", "where are you?"), "message")[0]["state"], "sent")

        self.admin("bans", "lift", banned)
        deadline = time.monotonic() + 120 * harness.SLOWER
        while self.sessions("bobby") < 1:
            self.assertLess(time.monotonic(), deadline, "his program does not come back by itself")
            time.sleep(0.1)
        if OWN_NETWORK:
            self.assertEqual(harness.until(his, "message")["text"], "where are you?")
        self.assertEqual([one["act"] for one in self.admin("audit", "list")][:2], ["DELETE ban", "CREATE ban"])


if __name__ == "__main__":
    OWN_NETWORK = harness.in_namespace("net", ["sh", "-c", NETWORK],
                                       "no network of its own: of a ban by address only that it is everybody's who comes from there")
    if OWN_NETWORK:
        subprocess.run(["sh", "-c", NETWORK], check=True)
    harness.main()
