"""A real station on a file system that is full: nothing is lost, what makes room works, and it goes on when there is room.
The file system is a tmpfs of its own; where none may be mounted, a library before dimd makes its folder a small disk."""
import json
import os
import pathlib
import subprocess
import time

import harness
from harness import of

SMALL_DISK = os.path.join(harness.BIN, "dim-small-disk.so")
MOUNTS = False
AT_ONCE = 5 * harness.SLOWER  # seconds, which R14 promises


class FullDisk(harness.EndToEnd):
    def setUp(self):
        super().setUp()
        self.data = os.path.join(self.folder, "station")
        os.mkdir(self.data, 0o700)

    def used(self):
        return sum(path.stat().st_size for path in pathlib.Path(self.data).rglob("*") if path.is_file())

    def limit(self, size):
        """A small disk of so many bytes, or another size for it."""
        if not MOUNTS:
            with open(self.data + ".limit.part", "w", encoding="utf-8") as file:
                file.write(str(size))
            os.replace(self.data + ".limit.part", self.data + ".limit")
        elif not os.path.ismount(self.data):
            subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size},mode=700", "tmpfs", self.data], check=True)
            self.addCleanup(subprocess.run, ["umount", "-l", self.data])

    def environment(self):
        return {} if MOUNTS else {"LD_PRELOAD": SMALL_DISK, "DIM_SMALL_DISK": self.data}

    @property
    def ballast(self):
        return os.path.join(self.data, "ballast")

    def fill(self):
        """Nothing is left."""
        if not MOUNTS:
            return self.limit(self.used())
        with open(self.ballast, "ab", 0) as file:
            for size in (1 << 20, 1 << 12):
                try:
                    while file.write(bytes(size)) == size:
                        pass
                except OSError:
                    continue
        self.assertEqual(os.statvfs(self.data).f_bavail, 0)

    def make_room(self):
        if MOUNTS:
            os.remove(self.ballast)
        else:
            self.limit(32 << 20)

    def within(self, seconds, true, why):
        deadline = time.monotonic() + seconds
        while not true():
            self.assertLess(time.monotonic(), deadline, why)
            time.sleep(0.05)

    def states(self, person, number):
        return {one["state"] for one in of(person.run("send", "bobby", f"while it is full {number} " + "x" * 4000, "--timeout", "2",
                                                      code=None), "message")}

    def test_R14_N9_a_full_disk_refuses_messages_takes_what_makes_room_and_recovers(self):
        self.limit(32 << 20)
        station = self.station(environment=self.environment())
        alice, bobby, carol = (self.person(name, station.link()) for name in ("alice", "bobby", "carol"))
        alice.run("hub", "create", "gardeners")
        alice.run("channel", "create", "gardeners", "general")
        link = of(alice.run("hub", "invite", "gardeners"), "invite")[0]["link"]
        for one in (bobby, carol):
            one.run("hub", "join", link)
        posts = [of(alice.run("post", "gardeners/general", f"a canary, number {number} " + "y" * 20_000), "post")[0]
                 for number in range(6)]
        alice.run("send", "bobby", "before")
        texts = ["before"]

        self.fill()
        # What the log has room for is still taken; then messages wait with their sender.
        for number in range(40):
            texts.append(f"while it is full {number} " + "x" * 4000)
            if "queued" in self.states(alice, number):
                break
            self.fill()
        else:
            self.fail("a full disk takes everything")
        self.assertIsNone(station.process.poll(), "a full disk is no reason to stop")
        self.assertIn("disk-full", station.log_text())
        self.assertTrue(of(bobby.run("status"), "status")[0]["connected"])
        self.assertEqual(len(of(carol.run("history", "gardeners/general"), "post")), 6, "reading goes on")
        # What makes room, or protects people, is taken: all of it, and what is more of the rest still is not.
        self.assertEqual(of(alice.run("delete", "gardeners/general", posts[0]["guid"], "--yes"), "post_change")[0]["state"], "deleted")
        done = alice.run("destroy", "gardeners/general", posts[1]["guid"], "--yes", "--wait", "1")
        self.assertEqual(of(done, "post_change")[0]["state"], "destroyed")
        ban = of(alice.run("ban", "gardeners", "bobby", "--reason", "spam"), "hub_change")[0]
        self.assertEqual(ban["change"], "CREATE")
        bobby.run("history", "gardeners/general", code=6)
        admin = json.loads(station.dimd("admin", "bans", "add", carol.id(), "--json").splitlines()[0])
        self.assertEqual(admin["target"], carol.id())
        carol.run("status", code=1)
        alice.run("remove", "gardeners/general", posts[2]["guid"], "--yes")
        self.assertEqual([one["state"] for one in of(alice.run("history", "gardeners/general"), "post")],
                         ["deleted", "destroyed", "removed", "shown", "shown", "shown"])
        self.assertEqual(of(alice.run("status"), "status")[0]["waiting"], 1, "a message has taken the room that was left for this")
        # A station that is killed then has all of it.
        station.kill()
        station.start()
        self.assertEqual([one["state"] for one in of(alice.run("history", "gardeners/general"), "post")],
                         ["deleted", "destroyed", "removed", "shown", "shown", "shown"])
        carol.run("status", code=1)
        self.assertEqual(of(alice.run("ban", "gardeners"), "penalty")[0]["reason"], "spam")

        self.make_room()
        self.within(AT_ONCE, lambda: of(alice.run("status"), "status")[0]["waiting"] == 0, "the outbox does not empty")
        got = []
        while len(got) < len(texts):
            got += [one["text"] for one in of(bobby.run("listen", "--once", "--timeout", "10"), "message")]
        self.assertEqual(got, texts)
        bobby.run("listen", "--timeout", "1", code=3)
        # And it is ready for the next time.
        self.fill()
        for number in range(40):
            if "queued" in self.states(alice, number):
                break
            self.fill()
        alice.run("delete", "gardeners/general", posts[3]["guid"], "--yes")
        self.assertEqual(station.stop(), 0)

    def test_C05_a_station_that_starts_on_a_full_disk_is_74(self):
        self.limit(4096)
        with open(self.ballast, "wb", 0) as file:
            file.write(bytes(4096))
        done = subprocess.run([os.path.join(harness.BIN, "dimd"), "run", "--data", self.data, "--listen", "::1", "--port-base",
                               str(harness.free_port_base()), "--allow-root"], capture_output=True, text=True, timeout=60,
                              env={**os.environ, **self.environment()})
        self.assertEqual(done.returncode, 74, done.stderr)
        self.assertIn("full", done.stderr)
        if not MOUNTS:
            return  # the library knows nothing of how much is free
        checked = subprocess.run([os.path.join(harness.BIN, "dimd"), "check", "--data", self.data, "--json"],
                                 capture_output=True, text=True, timeout=60)
        self.assertEqual(checked.returncode, 1)
        disk = next(one for one in json.loads(checked.stdout)["checks"] if one["what"] == "disk")
        self.assertEqual(disk["result"], "fail")


if __name__ == "__main__":
    # DIM_SMALL_DISK=1: that way, although there may be the other.
    MOUNTS = "DIM_SMALL_DISK" not in os.environ and harness.in_namespace(
        "mount", ["mount", "-t", "tmpfs", "tmpfs", "/mnt"], "no file system may be mounted: R14 is tested on a small disk of a library")
    if not MOUNTS and not os.path.exists(SMALL_DISK):
        harness.note("neither a mounted file system nor a library that makes a small disk: R14 is not tested")
        raise SystemExit(77)
    harness.main()
