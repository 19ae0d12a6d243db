"""./dev says what it can do, and refuses what it cannot, before it builds or installs anything."""
import os
import re
import subprocess
import tempfile
import unittest
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent


def dev(*arguments, **environment):
    return subprocess.run([ROOT / "dev", *arguments], capture_output=True, text=True, timeout=60, check=False,
                          stdin=subprocess.DEVNULL, env={**os.environ, **environment})


class Dev(unittest.TestCase):
    def refused(self, *arguments, code=1):
        done = dev(*arguments)
        self.assertEqual(done.returncode, code, done.stdout + done.stderr)
        self.assertNotIn("==> building", done.stdout)
        return done.stderr

    def test_no_argument_is_help(self):
        for arguments in ([], ["help"], ["--help"], ["-h"]):
            with self.subTest(arguments=arguments):
                done = dev(*arguments)
                self.assertEqual(done.returncode, 0)
                self.assertTrue(done.stdout.startswith("./dev VERB"))

    def test_help_names_every_verb_and_no_other(self):
        text = (ROOT / "dev").read_text(encoding="utf-8")
        verbs = set(re.findall(r"^verb_(\w+)\(\)", text, re.M))
        self.assertEqual(set(re.findall(r"^  ([a-z]+)\b", dev("help").stdout, re.M)), verbs)

    def test_an_unknown_verb_is_an_error_with_help(self):
        words = self.refused("frobnicate", code=2)
        self.assertIn("There is no verb frobnicate", words)
        self.assertIn("./dev VERB", words)

    def test_a_wrong_port_is_refused_with_the_right_range(self):
        for port in ("0", "65532", "99999999999999999999", "-1", "http", "80x"):
            with self.subTest(port=port):
                self.assertIn("1 to 65525", self.refused("up", "--port-base", port))

    def test_an_option_without_its_value_is_refused(self):
        self.assertIn("--port-base needs a number", self.refused("up", "--port-base"))
        self.assertIn("--data needs a folder", self.refused("up", "--data"))
        self.assertIn("--data needs a folder", self.refused("down", "--data"))

    def test_unknown_options_are_refused_with_the_right_ones(self):
        self.assertIn("./dev up [--port-base N]", self.refused("up", "--port", "8800"))
        self.assertIn("./dev down [--data DIR]", self.refused("down", "--all"))
        self.assertIn("./dev check [--fast]", self.refused("check", "--slow"))
        self.assertIn("./dev test --long [ID...]", self.refused("test", "--long", "-R", "Rsa"))
        self.assertIn("There are: ", self.refused("build", "fastest"))
        self.assertIn("./dev run PROGRAM", self.refused("run"))

    def test_an_unknown_group_of_packages_is_refused(self):
        self.assertIn("build, test, check", self.refused("deps", "everything"))

    def test_down_without_a_station_is_no_error(self):
        with tempfile.TemporaryDirectory() as folder:
            done = dev("down", "--data", folder)
        self.assertEqual(done.returncode, 0)
        self.assertIn("no station of ./dev up runs", done.stdout)

    def test_elsewhere_than_on_debian_it_names_what_is_needed(self):
        with tempfile.TemporaryDirectory() as folder:
            for tool in ("bash", "dirname", "readlink", "awk", "nproc", "id", "env"):
                os.symlink(subprocess.run(["which", tool], capture_output=True, text=True, check=True).stdout.strip(),
                           os.path.join(folder, tool))
            done = dev("deps", "build", PATH=folder)
            self.assertEqual(done.returncode, 1)
            self.assertIn("DEV_NO_DEPS=1", done.stderr)
            self.assertRegex(done.stderr, r"(?m)^  OpenSSL 3\.0 or newer$")
            self.assertEqual(dev("deps", "build", PATH=folder, DEV_NO_DEPS="1").returncode, 0)


if __name__ == "__main__":
    unittest.main()
