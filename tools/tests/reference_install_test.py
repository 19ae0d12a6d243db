#!/usr/bin/env python3
"""Without Python's registry nothing is known about interoperability: tests/reference/install.py says so and fails."""
import os
import socket
import subprocess
import sys
import tempfile
import unittest

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
INSTALL = os.path.join(ROOT, "tests", "reference", "install.py")


class ReferenceInstallTest(unittest.TestCase):
    def install(self, folder, *arguments):
        with socket.socket() as held:  # a port on which nobody listens
            held.bind(("127.0.0.1", 0))
            registry = f"http://127.0.0.1:{held.getsockname()[1]}/simple"
            environment = {**os.environ, "DIM_REFERENCE": folder, "PIP_INDEX_URL": registry, "PIP_RETRIES": "0",
                           "PIP_EXTRA_INDEX_URL": "", "PIP_NO_CACHE_DIR": "1", "PIP_FIND_LINKS": "", "PIP_CONFIG_FILE": os.devnull}
            return subprocess.run([sys.executable, INSTALL, *arguments], env=environment, capture_output=True, text=True,
                                  timeout=100)

    def test_a_registry_out_of_reach_is_said_and_fails(self):
        with tempfile.TemporaryDirectory() as folder:
            done = self.install(folder)
            self.assertEqual(done.returncode, 1, done.stdout + done.stderr)
            self.assertIn("The dimchat reference of 2025 could not be installed, so that nothing is known about interoperability",
                          done.stderr)
            self.assertIn("Python's registry did not give the packages", done.stderr)
            self.assertIn("--without-reference", done.stderr)
            # And nothing that is half there counts as installed.
            done = self.install(folder, "--check")
            self.assertEqual((done.returncode, done.stdout.count("is not installed")), (1, 2), done.stdout)


if __name__ == "__main__":
    unittest.main()
