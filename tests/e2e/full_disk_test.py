"""A real station on a real file system that is full: nothing is lost, and it goes on when there is room."""
import json
import os
import subprocess
import sys
import time

import harness
from harness import of

# Mounting a small file system needs a namespace of one's own.
INSIDE = "DIM_FULL_DISK"
UNSHARE = ["unshare", "--map-root-user", "--mount"]


def allowed():
    return subprocess.run([*UNSHARE, "mount", "-t", "tmpfs", "tmpfs", "/mnt"], capture_output=True).returncode == 0


class FullDisk(harness.EndToEnd):
    def test_R14_a_full_disk_refuses_messages_and_the_station_recovers(self):
        data = os.path.join(self.folder, "station")
        os.mkdir(data, 0o700)
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=32m,mode=700", "tmpfs", data], check=True)
        self.addCleanup(subprocess.run, ["umount", "-l", data])
        station = self.station()
        alice = self.person("alice", station.link())
        bobby = self.person("bobby", station.link())
        texts = ["before"]
        alice.run("send", "bobby", texts[0])

        ballast = os.path.join(data, "ballast")
        with open(ballast, "wb", 0) as file:
            for size in (1 << 20, 1 << 12):
                try:
                    while file.write(bytes(size)) == size:
                        pass
                except OSError:
                    continue
        self.assertEqual(os.statvfs(data).f_bavail, 0)
        # What the log has room for is still taken; then messages wait with their sender.
        states = set()
        for number in range(20):
            texts.append(f"while it is full {number} " + "x" * 4000)
            states |= {one["state"] for one in of(alice.run("send", "bobby", texts[-1], "--timeout", "2", code=None),
                                                 "message")}
            if "queued" in states:
                break
        self.assertIn("queued", states)
        self.assertIsNone(station.process.poll(), "a full disk is no reason to stop")
        self.assertIn("disk-full", station.log_text())
        self.assertTrue(of(bobby.run("status"), "status")[0]["connected"])

        os.remove(ballast)
        deadline = time.monotonic() + 60
        while of(alice.run("status"), "status")[0]["waiting"] > 0:
            self.assertLess(time.monotonic(), deadline, "the outbox does not empty")
        got = []
        while len(got) < len(texts):
            got += [one["text"] for one in of(bobby.run("listen", "--once", "--timeout", "10"), "message")]
        self.assertEqual(got, texts)
        bobby.run("listen", "--timeout", "1", code=3)
        self.assertEqual(station.stop(), 0)

    def test_C05_a_station_that_starts_on_a_full_disk_is_74(self):
        data = os.path.join(self.folder, "station")
        os.mkdir(data, 0o700)
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4k,mode=700", "tmpfs", data], check=True)
        self.addCleanup(subprocess.run, ["umount", "-l", data])
        with open(os.path.join(data, "ballast"), "wb", 0) as file:
            file.write(bytes(4096))
        done = subprocess.run([os.path.join(harness.BIN, "dimd"), "run", "--data", data, "--listen", "::1", "--port-base",
                               str(harness.free_port_base()), "--allow-root"], capture_output=True, text=True, timeout=60)
        self.assertEqual(done.returncode, 74, done.stderr)
        self.assertIn("full", done.stderr)
        checked = subprocess.run([os.path.join(harness.BIN, "dimd"), "check", "--data", data, "--json"],
                                 capture_output=True, text=True, timeout=60)
        self.assertEqual(checked.returncode, 1)
        disk = next(one for one in json.loads(checked.stdout)["checks"] if one["what"] == "disk")
        self.assertEqual(disk["result"], "fail")


if __name__ == "__main__":
    if INSIDE not in os.environ:
        if not allowed():
            print("no file system may be mounted here: R14 is not tested")
            sys.exit(77)  # ctest lists it under what did not run
        os.environ[INSIDE] = "1"
        os.execvp(UNSHARE[0], [*UNSHARE, sys.executable, *sys.argv])
    harness.main()
