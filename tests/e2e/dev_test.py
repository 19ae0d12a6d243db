"""./dev up and ./dev down, with programs that are built already: a station starts, invites, is found again, stops."""
import os
import re
import shutil
import socket
import subprocess

import harness

ROOT = os.path.realpath(os.path.join(os.path.dirname(__file__), "../.."))


class DevUp(harness.EndToEnd):
    def setUp(self):
        super().setUp()
        tree = os.path.join(self.folder, "tree")
        os.makedirs(os.path.join(tree, "build/release"))
        shutil.copy(os.path.join(ROOT, "dev"), tree)
        os.symlink(os.path.realpath(harness.BIN), os.path.join(tree, "build/release/bin"))
        with open(os.path.join(tree, "build/release/CMakeCache.txt"), "w") as cache:
            cache.write("DIM_TESTS:BOOL=ON\n")  # as if ./dev build had run
        tools = os.path.join(self.folder, "tools")
        os.makedirs(tools)
        with open(os.path.join(tools, "ninja"), "w") as ninja:
            ninja.write("#!/bin/sh\nexit 0\n")  # nothing to build
        os.chmod(os.path.join(tools, "ninja"), 0o755)
        os.makedirs(os.path.join(tree, "tools"))
        with open(os.path.join(tree, "tools/packages.txt"), "w"):
            pass  # nothing to install
        self.tree = tree
        self.data = os.path.join(self.folder, "data of mine")
        self.environment = {**os.environ, "PATH": tools + ":" + os.environ["PATH"], "HOME": self.folder}
        self.addCleanup(self.dev, "down", "--data", self.data, code=None)

    def dev(self, *arguments, code=0):
        done = subprocess.run([os.path.join(self.tree, "dev"), *arguments], cwd="/", env=self.environment, timeout=120,
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        if code is not None:
            self.assertEqual(done.returncode, code, done.stdout)
        return done.stdout

    def test_up_invites_twice_and_down_stops(self):
        base = harness.free_port_base()
        words = self.dev("up", "--port-base", str(base), "--data", self.data)
        link = re.search(r"join '(dim:station:[^']*)'", words).group(1)
        self.assertIn(f"port={base}", link)
        self.assertIn("█", words, "no QR code")
        again = self.dev("up", "--port-base", str(base), "--data", self.data)
        self.assertIn("a station runs already", again)
        self.assertEqual(re.search(r"join '(dim:station:[^']*)'", again).group(1), link)

        # The printed commands work as they stand, but for the address: one that this test can reach.
        commands = re.findall(r"^  (build/release/bin/dim .*)$", words, re.M)
        self.assertEqual(len(commands), 4, words)
        host = re.sub(r"host=\[[^]]*\]", "host=[::1]", link)
        said = ""
        for command in commands:
            done = subprocess.run(["bash", "-c", command.replace(link, host)], cwd=self.tree, env=self.environment, timeout=60,
                                  stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
            self.assertEqual(done.returncode, 0, command + "\n" + done.stdout)
            said = done.stdout
        self.assertIn("Hello!", said)

        self.assertIn("stopped", self.dev("down", "--data", self.data))
        self.assertIn("no station", self.dev("down", "--data", self.data))
        with self.assertRaises(OSError):
            socket.create_connection(("::1", base), timeout=1).close()

    def test_a_taken_port_is_told_with_another_one(self):
        base = harness.free_port_base()
        with socket.create_server(("::1", base), family=socket.AF_INET6):
            words = self.dev("up", "--port-base", str(base), "--data", self.data, code=1)
        self.assertIn(f"Something else listens on port {base}", words)
        self.assertIn(f"--port-base {base + 100}", words)

    def test_a_station_that_cannot_start_shows_its_words(self):
        os.makedirs(self.data)
        with open(os.path.join(self.data, "dimd.toml"), "w") as config:
            config.write("no_such_key = 1\n")
        words = self.dev("up", "--port-base", str(harness.free_port_base()), "--data", self.data, code=1)
        self.assertIn("The station ended at once", words)
        self.assertIn("no_such_key", words)


if __name__ == "__main__":
    harness.main()
