"""dimd as whoever runs it meets it: exit codes, `dimd check`, the passphrase of the keys."""
import json
import os
import re
import resource
import signal
import socket
import subprocess
import time
import unittest.mock

import harness
from harness import BIN, of


class Operator(harness.EndToEnd):
    def dimd(self, verb, *arguments, code=0, **environment):
        """Runs a command that ends by itself; what it printed on both."""
        done = subprocess.run([os.path.join(BIN, "dimd"), verb, "--data", self.data, *arguments], capture_output=True,
                              text=True, timeout=60, stdin=subprocess.DEVNULL, start_new_session=True,
                              env=dict(os.environ, **environment))
        self.assertEqual(done.returncode, code, done.stdout + done.stderr)
        return done.stdout + done.stderr

    def run_refused(self, *arguments, code, **environment):
        return self.dimd("run", "--listen", "::1", "--port-base", str(harness.free_port_base()), "--allow-root", *arguments, code=code,
                         **environment)

    def file(self, name, text, mode=0o600):
        path = os.path.join(self.folder, name)
        with open(path, "w") as file:
            file.write(text)
        os.chmod(path, mode)
        return path

    def wait_for(self, condition):
        deadline = time.monotonic() + 30
        while not condition():
            self.assertLess(time.monotonic(), deadline)
            time.sleep(0.02)

    @property
    def data(self):
        return os.path.join(self.folder, "station")

    def checks(self, *arguments, code=0):
        """what -> (result, detail) of `dimd check`."""
        object = json.loads(self.dimd("check", "--json", *arguments, code=code))
        self.assertEqual(set(object), {"ok", "checks"})
        self.assertEqual(object["ok"], code == 0)
        for one in object["checks"]:
            self.assertEqual(set(one), {"result", "what", "detail"})
            self.assertIn(one["result"], ("ok", "warn", "fail"))
        return {one["what"]: (one["result"], one["detail"]) for one in object["checks"]}


class Passphrase(Operator):
    def test_C04_A43_a_station_whose_keys_are_sealed(self):
        station = self.station()
        station.stop()
        words = self.file("words", "correct horse\n")
        others = self.file("others", "battery staple\n")
        wrong = self.file("wrong", "wrong horse\n")
        keys = os.path.join(self.data, "station.keys")
        before = station.dimd("id")
        self.assertIn("sealed", self.dimd("passphrase", "--new-passphrase-file", words))
        with open(keys) as file:
            sealed = file.read()
        self.assertNotIn("PRIVATE KEY", sealed)
        self.assertEqual(os.stat(keys).st_mode & 0o777, 0o600)

        self.assertIn("--passphrase-file", self.run_refused(code=77))
        self.assertIn("does not open", self.run_refused("--passphrase-file", wrong, code=77))
        self.run_refused(code=77, DIMD_PASSPHRASE="wrong horse")
        self.assertIn("chmod 600", self.run_refused("--passphrase-file", self.file("open", "correct horse\n", 0o644),
                                                    code=77))
        with open(keys) as file:
            self.assertEqual(file.read(), sealed, "a refused start leaves the keys as they are")

        self.assertEqual(station.dimd("id"), before)
        station.arguments = ("--passphrase-file", words)
        station.start()
        alice = self.person("alice", station.link())
        self.assertTrue(of(alice.run("status"), "status")[0]["connected"])
        self.assertIn("another station", self.dimd("passphrase", "--passphrase-file", words, "--new-passphrase-file",
                                                   others, code=75))
        self.assertEqual(station.stop(), 0)

        self.dimd("passphrase", "--passphrase-file", wrong, "--new-passphrase-file", others, code=77)
        self.dimd("passphrase", "--passphrase-file", words, "--new-passphrase-file", others)
        self.run_refused("--passphrase-file", words, code=77)
        self.assertIn("terminal", self.dimd("passphrase", "--passphrase-file", others, code=2))
        self.dimd("passphrase", "--remove", DIMD_PASSPHRASE="battery staple")
        self.assertIn("not sealed", self.run_refused("--passphrase-file", words, code=2))
        station.arguments = ()
        station.start()
        self.assertEqual(station.dimd("id"), before)
        self.assertTrue(of(alice.run("status"), "status")[0]["connected"])

    def test_A43_the_first_start_seals_the_keys_it_makes(self):
        with unittest.mock.patch.dict(os.environ, DIMD_PASSPHRASE="correct horse"):
            station = self.station()
        environment = f"/proc/{station.process.pid}/environ"
        if os.access(environment, os.R_OK):
            with open(environment, "rb") as file:
                self.assertNotIn(b"correct horse", file.read())
        station.stop()
        self.assertNotIn("correct horse", station.log_text())
        self.run_refused(code=77)
        words = self.file("words", "correct horse\n")
        self.assertEqual(self.checks("--passphrase-file", words)["keys"][0], "ok")
        self.assertEqual(self.checks("--passphrase-file", self.file("wrong", "x\n"), code=1)["keys"][0], "fail")


    def test_A43_neither_program_leaves_a_core_with_its_keys_in_it(self):
        before = resource.getrlimit(resource.RLIMIT_CORE)
        self.addCleanup(resource.setrlimit, resource.RLIMIT_CORE, before)
        resource.setrlimit(resource.RLIMIT_CORE, (before[1], before[1]))

        def leaves_core(process):
            process.send_signal(signal.SIGABRT)
            _, status = os.waitpid(process.pid, 0)
            process.returncode = -signal.SIGABRT
            self.assertTrue(os.WIFSIGNALED(status))
            return os.WCOREDUMP(status)

        station = self.station()
        alice = self.person("alice", station.link())
        chat = alice.start("listen")
        self.assertEqual(harness.checked(chat.stdout.readline(), "listen")["event"], "connected")
        self.assertFalse(leaves_core(chat))
        chat.communicate()
        self.assertFalse(leaves_core(station.process))
        # Another program does, here: else this says nothing.
        if not leaves_core(subprocess.Popen(["sleep", "60"], cwd=self.folder)):
            self.skipTest("no program leaves a core on this machine")


class ExitCodes(Operator):
    def test_C01_C02_C03_what_is_wrong_in_the_configuration_is_named_with_what_is_right(self):
        for text, line, hint in (("[network]\nport_bsae = 8800\n", 2, "did you mean network.port_base?"),
                                 ("[network]\n\nport_base = 65536\n", 3, "8800"),
                                 ("[network]\nlisten = \"0.0.0.0\"\n", 2, "::"),
                                 ("[limits]\nsend_queue = \"64 KB\"\n", 2, "4MiB"),
                                 ("[limits]\nsend_queue = -1\n", 2, "4MiB"),
                                 ("[log]\nlevel = \"loud\"\n", 2, "info"),
                                 ("nonsense = 1\n", 1, "the sections are"),
                                 ("[log\n", 1, "")):
            path = self.file("station.toml", text)
            for verb in ("run", "check"):
                said = self.dimd(verb, "--config", path, code=2)
                self.assertIn(f"{path}:{line}", said)
                self.assertIn(hint, said)
        self.assertFalse(os.path.exists(os.path.join(self.data, "station.keys")))

    def test_C02_C05_a_port_and_a_folder_in_use(self):
        station = self.station()
        self.assertIn("another station", self.run_refused(code=75))
        other = os.path.join(self.folder, "second")
        done = subprocess.run([os.path.join(BIN, "dimd"), "run", "--data", other, "--listen", "::1", "--port-base",
                               str(station.base), "--allow-root"], capture_output=True, text=True, timeout=30)
        self.assertEqual(done.returncode, 69)
        self.assertIn(str(station.base), done.stderr)
        self.assertIn("--port-base", done.stderr)

    def test_C04_a_missing_key_file_beside_a_store_is_not_made_again(self):
        station = self.station()
        station.stop()
        keys = os.path.join(self.data, "station.keys")
        os.rename(keys, keys + ".away")
        self.assertIn("backup", self.run_refused(code=78))
        self.assertFalse(os.path.exists(keys))
        self.dimd("id", code=78)
        self.dimd("passphrase", "--new-passphrase-file", self.file("words", "correct horse\n"), code=78)
        os.rename(keys + ".away", keys)
        os.chmod(keys, 0o644)
        self.assertIn("chmod 600", self.run_refused(code=77))

    def test_C10_root_is_left_for_the_owner_of_the_folder_or_refused(self):
        base = harness.free_port_base()
        command = ["run", "--listen", "::1", "--port-base", str(base)]
        if os.geteuid() == 0:
            self.assertIn("--allow-root", self.dimd(*command, code=77))
            self.assertFalse(os.path.exists(self.data))
            os.chmod(self.folder, 0o711)
            os.mkdir(self.data, 0o700)
            self.dimd(*command, code=77)
            os.chown(self.data, 65534, 65534)
        owner = 65534 if os.geteuid() == 0 else os.geteuid()
        process = subprocess.Popen([os.path.join(BIN, "dimd"), *command, "--data", self.data], stdin=subprocess.DEVNULL,
                                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                                   # Leaks are looked for by tracing, which this process does not let others do.
                                   env=dict(os.environ, ASAN_OPTIONS=os.environ.get("ASAN_OPTIONS", "") + ":detect_leaks=0"))
        try:
            self.wait_for(lambda: harness.listens(base) or process.poll() is not None)
            self.assertIsNone(process.poll())
            with open(f"/proc/{process.pid}/status", encoding="utf-8") as status:
                users = re.search(r"^Uid:\t(.*)$", status.read(), re.M).group(1).split("\t")
            self.assertEqual(users, [str(owner)] * 4)
            self.assertEqual(os.stat(os.path.join(self.data, "station.keys")).st_uid, owner)
        finally:
            process.terminate()
            self.assertEqual(process.wait(60), 0)

    def test_C09_too_few_files_is_71_with_the_number_that_is_needed(self):
        done = subprocess.run(["bash", "-c", f"ulimit -n 64 && exec '{os.path.join(BIN, 'dimd')}' run --data '{self.data}'"],
                              capture_output=True, text=True, timeout=30)
        self.assertEqual(done.returncode, 71, done.stderr)
        self.assertIn("256", done.stderr)

    def test_C08_C09_a_broken_file_at_sighup_leaves_the_old_configuration_also_with_little_memory(self):
        path = self.file("station.toml", "[log]\nlevel = \"info\"\n[limits]\nmemory = \"64MiB\"\n")
        station = self.station("--config", path)
        alice = self.person("alice", station.link())
        identity = alice.id()
        self.file("station.toml", f"[security]\nbans = [\"{identity}\"]\n[limits]\nsend_queue = \"64 KB\"\n")
        station.process.send_signal(signal.SIGHUP)
        self.wait_for(lambda: "reload-failed" in station.log_text())
        self.assertIn(f"{path}:4", station.log_text())
        self.assertTrue(of(alice.run("status"), "status")[0]["connected"])
        self.file("station.toml", f"[security]\nbans = [\"{identity}\"]\n")
        station.process.send_signal(signal.SIGHUP)
        self.wait_for(lambda: "event=reloaded" in station.log_text())
        alice.run("status", code=1)
        self.assertEqual(station.stop(), 0)

    def test_a_command_line_that_is_wrong_is_2(self):
        self.dimd("run", "--port-base", "0", code=2)
        self.dimd("run", "--port-base", "70000", code=2)
        self.assertIn("IPv6", self.dimd("run", "--listen", "127.0.0.1", code=2))
        self.dimd("nonsense", code=2)
        self.dimd("run", "--config", os.path.join(self.folder, "none.toml"), code=2)
        self.assertIn("--data", self.bare("run", code=2))

    def test_the_web_gateway_is_ten_above_the_first_lane(self):
        station = self.station("--web")
        self.assertTrue(harness.listens(station.base + 10), station.log_text())

    def bare(self, *arguments, code=0):
        done = subprocess.run([os.path.join(BIN, "dimd"), *arguments], capture_output=True, text=True, timeout=60)
        self.assertEqual(done.returncode, code, done.stderr)
        return done.stdout + done.stderr

    def test_the_folder_may_stand_in_the_configuration(self):
        station = self.station()
        station.stop()
        path = self.file("station.toml", f'[storage]\ndata = "{self.data}/"\n')
        self.assertIn(json.loads(station.dimd("id", "--json"))["id"], self.bare("invite", "--config", path))
        self.assertIn(self.data + " is writable", self.bare("check", "--config", path))


class Check(Operator):
    def test_a_machine_on_which_nothing_runs_yet(self):
        base = harness.free_port_base()
        found = self.checks("--listen", "::1", "--port-base", str(base))
        self.assertEqual(found[f"port {base}"], ("ok", "free"))
        self.assertEqual(found[f"port {base + 1}"], ("ok", "free"))
        self.assertEqual(found[f"port {base + 2}"], ("ok", "free"))
        for what in ("IPv6", "data folder", "keys", "disk", "clock", "open files"):
            self.assertIn(found[what][0], ("ok", "warn"), what)
        self.assertFalse(os.path.exists(self.data), "a look changes nothing")

    def test_a_station_that_runs_and_one_that_is_in_its_way(self):
        station = self.station()
        found = self.checks("--listen", "::1", "--port-base", str(station.base))
        self.assertIn("this station", found[f"port {station.base}"][1])
        self.assertIn(json.loads(station.dimd("id", "--json"))["id"], found["keys"][1])
        station.stop()
        with socket.create_server(("::1", station.base), family=socket.AF_INET6):
            found = self.checks("--listen", "::1", "--port-base", str(station.base), code=1)
            self.assertEqual(found[f"port {station.base}"][0], "fail")
            self.assertIn("--port-base", found[f"port {station.base}"][1])
            self.assertEqual(found[f"port {station.base + 1}"][0], "ok")

    def test_C04_keys_that_are_missing_or_open_to_others(self):
        station = self.station()
        station.stop()
        keys = os.path.join(self.data, "station.keys")
        os.chmod(keys, 0o644)
        self.assertIn("chmod 600", self.checks("--port-base", str(station.base), code=1)["keys"][1])
        os.chmod(keys, 0o600)
        os.chmod(self.data, 0o755)
        self.assertEqual(self.checks("--port-base", str(station.base))["data folder"][0], "warn")
        os.chmod(self.data, 0o700)
        os.remove(keys)
        self.assertIn("backup", self.checks("--port-base", str(station.base), code=1)["keys"][1])


class Admin(Operator):
    def admin(self, *arguments, code=0):
        """The lines of JSON that `dimd admin` prints, or what it says when it fails."""
        said = self.dimd("admin", "--json", *arguments, code=code)
        return [json.loads(line) for line in said.splitlines()] if code == 0 else said

    def test_F69_F76_F85_users_bans_hubs_quotas_and_the_log_of_acts(self):
        station = self.station()
        alice, bobby = self.person("alice", station.link()), self.person("bobby", station.link())
        hub = of(alice.run("hub", "create", "Gardeners"), "hub")[0]["hub"]
        alice.run("channel", "create", "Gardeners", "general")

        link = self.admin("invites", "make", hub, "--uses", "1", "--until", "7d")[0]
        self.assertEqual(link["hub"], hub)
        bobby.run("hub", "join", link["link"].replace(re.search(r"host=([^;]*)", link["link"])[1], "[::1]"))
        self.assertEqual(self.admin("hubs", "show", hub)[0]["hub"]["members"], 2)
        self.assertEqual({one["id"] for one in self.admin("users", "list")}, {alice.id(), bobby.id()})
        shown = self.admin("users", "show", "bobby")[0]["user"]
        self.assertEqual((shown["id"], shown["names"], shown["state"]), (bobby.id(), ["bobby"], "active"))
        self.assertIn("registered name", self.admin("users", "show", "nobody-here", code=1))
        self.assertIn("--yes", self.admin("users", "remove", "bobby", code=2))

        # F86: by invitation a link lets one new person in, once.
        self.assertEqual(self.admin("registration", "set", "invite")[0]["registration"], "invite")
        self.assertIn("by this link alone", self.dimd("invite"))
        carol, david = self.person("carol"), self.person("david")
        said = carol.run("join", station.link(), "--name", "carol", code=None)
        self.assertIn("invitation", json.dumps(of(said, "error")))
        made = self.admin("invite", "--host", "::1", "--expires", "2h")[0]
        self.assertEqual(self.admin("codes", "list")[0]["guid"], made["guid"])
        self.assertEqual(of(carol.run("join", made["link"], "--name", "carol"), "joined")[0]["registered"], "carol")
        self.assertTrue(of(carol.run("status"), "status")[0]["connected"])
        self.assertIn("used up", json.dumps(of(david.run("join", made["link"], "--name", "david", code=None), "error")))
        self.assertEqual(self.admin("codes", "list"), [])
        code = made["link"].rpartition("code=")[2].rstrip(";")
        self.assertNotIn(code, station.log_text())
        with open(os.path.join(self.data, "station.db"), "rb") as store, \
                open(os.path.join(self.data, "station.db-wal"), "rb") as log:
            self.assertNotIn(code.encode(), store.read() + log.read())
        self.assertIn(made["link"].partition("?")[0], self.dimd("admin", "invite"))
        self.admin("registration", "set", "default")
        self.admin("users", "remove", "carol", "--yes")

        # A ban while connected acts at once.
        listener = bobby.start("listen")
        try:
            harness.checked(listener.stdout.readline(), "listen")
            self.wait_for(lambda: self.admin("users", "show", "bobby")[0]["user"]["sessions"] == 1)
            ban = self.admin("bans", "add", "bobby", "--reason", "spam", "--until", "2h")[0]
            self.assertGreaterEqual(ban["streams"], 1)
            self.assertEqual(self.admin("users", "show", "bobby")[0]["user"]["sessions"], 0)
        finally:
            listener.kill()
            listener.communicate()
        bobby.run("status", code=1)

        self.admin("hubs", "freeze", hub, "--reason", "complaint")
        alice.run("post", "Gardeners/general", "frozen?", code=1)
        self.admin("quotas", "set", hub, "messages=1")
        self.assertEqual(station.stop(), 0)

        # The same at a station that is stopped.
        self.assertFalse(os.path.exists(os.path.join(self.data, "admin.sock")))
        self.admin("hubs", "thaw", hub)
        self.assertEqual([(one["target"], one["reason"]) for one in self.admin("bans", "list")], [(bobby.id(), "spam")])
        self.admin("bans", "lift", bobby.id())
        self.assertIn("nothing of this kind", self.admin("bans", "lift", bobby.id(), code=1))
        station.start()
        self.assertTrue(of(bobby.run("status"), "status")[0]["connected"])
        alice.run("post", "Gardeners/general", "the only one")
        quotas = self.admin("quotas", "show", hub)[0]
        self.assertEqual((quotas["quotas"]["messages"], quotas["used"]["messages"]), (1, 1))

        # F85: every byte of the folder is told, and the hub is known by its name.
        use = [json.loads(line) for line in self.dimd("du", "--explain", "--json").splitlines()]
        self.assertEqual(sum(use[0]["parts"].values()), use[0]["total"])
        self.assertEqual([(one["name"], one["messages"]) for one in use if one.get("hub") == hub], [("Gardeners", 1)])

        acts = [one["act"] for one in self.admin("audit", "list")]
        self.assertEqual(acts[:5], ["DELETE ban", "THAW hub", "EDIT quotas", "FREEZE hub", "CREATE ban"])
        self.assertEqual(self.admin("audit", "list", hub, "--limit", "1")[0]["act"], "THAW hub")
        mine = of(alice.run("hub", "audit", "Gardeners"), "hub_act")
        self.assertEqual([one["act"] for one in mine],
                         ["THAW hub", "EDIT quotas", "FREEZE hub", "CREATE invite", "CREATE channel", "CREATE hub"])
        self.assertEqual((mine[2]["reason"], mine[2]["author"]), ("complaint", json.loads(station.dimd("id", "--json"))["id"]))
        self.assertEqual(of(alice.run("hub", "audit", "Gardeners", "--limit", "1"), "hub_act"), mine[:1])
        bobby.run("hub", "audit", "Gardeners", code=1)

        # What a full hub cannot take stays in its author's outbox, and the program says that.
        done = subprocess.run(alice.command("post", "Gardeners/general", "one too many", as_json=False),
                              capture_output=True, text=True, timeout=60, stdin=subprocess.DEVNULL)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertRegex(done.stderr, r"cannot take it now \(it says: this hub has as many messages.* is in the outbox")
        self.admin("quotas", "set", hub, "messages=3")
        alice.run("post", "Gardeners/general", "and another")
        self.assertEqual([one["text"] for one in of(alice.run("history", "Gardeners/general"), "post")],
                         ["the only one", "one too many", "and another"])

        # F81: out of the station that runs, into a folder of its own; nothing acknowledged before is missing.
        alice.run("send", "bobby", "in the backup")
        backup = os.path.join(self.folder, "backup")
        told = json.loads(self.dimd("backup", "--to", backup, "--json"))
        self.assertIn("station.keys", told["files"])
        self.assertEqual(os.stat(backup).st_mode & 0o777, 0o600)
        self.assertIn("station.keys", self.dimd("backup", "--to", backup))
        alice.run("send", "bobby", "behind the backup")
        erika = self.person("erika", station.link())  # whom the backup does not know
        for text in ("one", "two"):
            alice.run("send", erika.id(), text)
        self.assertEqual(len(of(erika.run("listen", "--timeout", "1"), "message")), 2)
        self.assertIn("not empty", subprocess.run([os.path.join(BIN, "dimd"), "restore", backup, "--data", self.data],
                                                  capture_output=True, text=True, timeout=60).stderr)
        station.stop()
        restored = os.path.join(self.folder, "restored")
        for arguments in (("--verify",), ("--data", restored)):
            subprocess.run([os.path.join(BIN, "dimd"), "restore", backup, *arguments], check=True, timeout=60,
                           stdout=subprocess.DEVNULL)
        kept, station.data = station.data, restored
        station.start()
        self.assertEqual([one["text"] for one in of(bobby.run("listen", "--timeout", "1"), "message")], ["in the backup"])
        alice.run("send", "bobby", "after the restore")
        self.assertEqual([one["text"] for one in of(bobby.run("listen", "--timeout", "1"), "message")], ["after the restore"])
        self.assertTrue(of(erika.run("status"), "status")[0]["connected"])
        alice.run("send", erika.id(), "in an inbox that began anew")
        self.assertEqual([one["text"] for one in of(erika.run("listen", "--timeout", "1"), "message")],
                         ["in an inbox that began anew"])
        self.assertEqual(of(alice.run("hub", "list"), "hub")[0]["hub"], hub)
        station.stop()
        station.data = kept
        station.start()

        self.admin("users", "remove", "bobby", "--yes")
        self.assertEqual({one["id"] for one in self.admin("users", "list")}, {alice.id(), erika.id()})
        self.admin("hubs", "delete", hub, "--yes")
        self.assertEqual(of(alice.run("hub", "list"), "hub"), [])


if __name__ == "__main__":
    harness.main()
