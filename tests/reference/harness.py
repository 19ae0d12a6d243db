"""Programs of the dimchat reference as test subjects: real processes, real sockets, loopback only, bounded time.

A test that fails prints what was exchanged: the events of each client and the last words of every program.
"""
import bisect
import collections
import ctypes
import itertools
import json
import os
import queue
import random
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
DRIVERS = os.path.join(HERE, "drivers")
sys.path.insert(0, HERE)
import install

LIBC = ctypes.CDLL(None)
# Patience for anything that has to happen: this long without a word of the program that is waited for, which shares the
# processors with other tests, and after a cut waits up to 70 s before it connects again.
SECONDS = float(os.environ.get("DIM_REFERENCE_SECONDS", "90"))
LONGEST = 3 * SECONDS  # however many words come meanwhile: two programs may answer each other for ever
WORLDS = 3
CRASHED = []  # programs of ours that did, and how


def free_port():
    """A port that is free on 127.0.0.1 now, below those that the system gives to connections."""
    while True:
        port = random.randrange(20000, 28000)
        if is_free("127.0.0.1", port):
            return port


def free_port_base():
    """A base whose five ports are free on [::1] now, below those of free_port and of tests/e2e."""
    while True:
        base = random.randrange(10112, 20000, 16)
        if all(is_free("::1", base + lane) for lane in range(5)):
            return base


def is_free(host, port):
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
        try:
            probe.bind((host, port))
            return True
        except OSError:
            return False


def tail(path, size=3000):
    try:
        with open(path, "rb") as file:
            file.seek(max(0, os.path.getsize(path) - size))
            text = file.read().decode("utf-8", "replace")
            return "\n".join(line[:400] for line in re.sub(r"\x1b\[\d*m", "", text).splitlines()
                             if "redis disabled" not in line)
    except OSError:
        return ""


def end_with_parent():
    """In the child: the kernel ends it when this process ends, however that happens."""
    LIBC.prctl(1, signal.SIGKILL)


class Program:
    """A process with a log file in the folder of the test, ended with it."""

    seconds_to_end = 3

    def __init__(self, test, name, command, **options):
        self.name = name
        self.log = os.path.join(test.folder, name + ".log")
        environment = dict(os.environ, PYTHONDONTWRITEBYTECODE="1", PYTHONUNBUFFERED="1")
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(command, stderr=log, env=environment, preexec_fn=end_with_parent, **options)
        test.programs.append(self)

    def stop(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(self.seconds_to_end)
            except subprocess.TimeoutExpired:
                self.process.kill()
        self.process.wait()
        for pipe in (self.process.stdin, self.process.stdout):
            if pipe:
                pipe.close()

    def words(self):
        return f"---- {self.name}: log\n{tail(self.log)}"


class Redis(Program):
    """Where a station of the reference keeps messages for people who are offline. redis-check-rdb and redis-server are
    one program of two names; Debian's redis-tools has it under the first one only, and starts no service."""

    def __init__(self, test):
        self.port = free_port()
        binary = shutil.which("redis-server") or shutil.which("redis-check-rdb")
        if not binary:
            raise AssertionError("redis-tools is missing: ./dev deps test")
        with open(os.path.join(test.folder, "redis.out"), "ab") as out:
            super().__init__(test, "redis", ["redis-server", "--port", str(self.port), "--bind", "127.0.0.1",
                                               "--save", "", "--appendonly", "no", "--dir", test.folder],
                             executable=binary, stdin=subprocess.DEVNULL, stdout=out)
        wait_for_port(self, self.port)


def connections(port):
    """What the kernel holds of each connection to a port of 127.0.0.1: bytes that the station has not read, and bytes that
    the client has not."""
    unread = {}
    with open("/proc/net/tcp", encoding="ascii") as table:
        for line in table.readlines()[1:]:
            _, local, remote, state, queues, *_ = line.split()
            at_station = int(local.split(":")[1], 16) == port
            if state == "01" and (at_station or int(remote.split(":")[1], 16) == port):
                client = int((remote if at_station else local).split(":")[1], 16)
                unread.setdefault(client, {})["station" if at_station else "client"] = int(queues.split(":")[1], 16)
    return unread


def wait_for_port(program, port):
    deadline = time.monotonic() + SECONDS
    while time.monotonic() < deadline:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            return
        except OSError:
            if program.process.poll() is not None:
                break
            time.sleep(0.02)
    raise AssertionError(f"{program.name} does not listen on {port}\n{program.words()}")


class ReferenceStation(Program):
    def __init__(self, test, generation, redis=None):
        self.folder = os.path.join(test.folder, f"station-{generation}")
        os.makedirs(self.folder, exist_ok=True)
        self.host, self.port = "127.0.0.1", free_port()
        command = [install.python(generation), os.path.join(DRIVERS, "station.py"), self.folder, str(self.port)]
        if redis:
            command.append(str(redis.port))
        self.again = lambda: self.begin(test, f"station-{generation}", command)  # after its end, as it was
        self.again()

    def begin(self, test, name, command):
        if hasattr(self, "process"):
            test.programs.remove(self)
        super().__init__(test, name, command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True)
        line = self.process.stdout.readline()
        if not line:
            raise AssertionError("no station of the reference\n" + self.words())
        self.account = json.loads(line)
        self.id = self.account["id"]


class ReferenceEdge(Program):
    """The program with which a station of the reference dials others, beside that station."""

    def __init__(self, test, generation, station, neighbour):
        super().__init__(test, f"edge-{generation}", [
            install.python(generation), os.path.join(DRIVERS, "edge.py"), station.folder, str(station.port), str(neighbour.port)],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True)
        if not self.process.stdout.readline():
            raise AssertionError("no edge of the reference\n" + self.words())


class Failed(AssertionError):
    pass


class ReferenceClient(Program):
    def __init__(self, test, generation, name, process=None):
        """process: the name of the log and folder, for a second device of one person."""
        self.person = name
        process = process or name
        self.folder = os.path.join(test.folder, f"client-{generation}-{process}")
        self.generation = generation
        super().__init__(test, f"{process}-{generation}",
                         [install.python(generation), os.path.join(DRIVERS, "client.py"), self.folder],
                         stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.events = []
        self.fresh = queue.Queue()
        self.waiting = collections.deque()
        self.tag = 0
        self.account = None
        self.station = None
        self.last_event = time.monotonic()
        threading.Thread(target=self.read, daemon=True).start()
        self.await_event(lambda event: event["event"] == "started", "the driver to start")

    def read(self):
        for line in self.process.stdout:
            event = json.loads(line)
            self.last_event = time.monotonic()
            self.events.append(event)
            self.fresh.put(event)
        self.fresh.put(None)

    def await_event(self, wanted, what, seconds=None):
        """The first event, not taken before, that is wanted. Others stay for later, and show that this client goes on."""
        for index, event in enumerate(self.waiting):
            if wanted(event):
                del self.waiting[index]
                return event
        patience = seconds or SECONDS
        deadline, end = time.monotonic() + patience, time.monotonic() + LONGEST
        while True:
            try:
                event = self.fresh.get(timeout=max(0.01, deadline - time.monotonic()))
            except queue.Empty:
                event = None
                if time.monotonic() < deadline:
                    continue
            if event is None:
                raise Failed(f"{self.name} waited in vain for {what}; {self.standing()}")
            if wanted(event):
                return event
            self.waiting.append(event)
            deadline = min(time.monotonic() + patience, end)

    def standing(self):
        """For a failure's message: whether this client has ended, gone quiet, or not been served."""
        quiet = time.monotonic() - self.last_event
        unread = connections(self.door.port) if self.station else "no station"
        return (f"its process {'runs' if self.process.poll() is None else 'has ended'}, {len(self.events)} events, the last "
                f"{quiet:.1f} s ago; unread bytes by client port: {unread}; the station says: {tail(getattr(self.station, 'log', ''), 600)}")

    def do(self, verb, seconds=None, **arguments):
        self.tag += 1
        tag = self.tag
        self.process.stdin.write(json.dumps({"do": verb, "tag": tag, **arguments}) + "\n")
        self.process.stdin.flush()
        answer = self.await_event(lambda event: event.get("tag") == tag, f"the answer to {verb}", seconds)
        if answer["event"] == "failed":
            raise Failed(f"{self.name}: {verb}: {answer['why']}")
        return answer

    def register(self, **options):
        """Makes an account (or a device of one) and uses it."""
        self.account = self.do("new_account", name=self.person, **options)["account"]
        self.do("use", account=self.account)
        return self.account

    @property
    def id(self):
        return self.account["id"]

    def connect(self, station):
        """station: one, with a Recorder as its door when what runs to it is to be told; or a Recorder."""
        self.station = station
        self.door = getattr(station, "door", station)
        return self.do("connect", host=self.door.host, port=self.door.port)

    def log_ins(self):
        return sum(event["event"] == "arrived" and event["content"].get("title") == "DIM!" for event in list(self.events))

    def logs_in_again(self, before):
        """Waits until it has logged in more often than log_ins() said before a cut: until then it may take the connection that
        has ended for the one that lives, and what it sends goes out again after a minute or two."""
        deadline = time.monotonic() + SECONDS
        while self.log_ins() <= before:
            if time.monotonic() > deadline:
                raise Failed(f"{self.name} does not log in again; {self.standing()}")
            time.sleep(0.05)
        if not self.do("wait_running", seconds=SECONDS)["running"]:
            raise Failed(f"{self.name} has logged in and does not run; {self.standing()}")

    def send(self, receiver, content):
        return self.do("send", to=receiver, content=content)

    def text(self, receiver, text):
        return self.send(receiver, {"type": 1, "text": text})

    def pack(self, receiver, content):
        return self.do("pack", to=receiver, content=content)

    def disconnect(self):
        """Goes offline by saying so: the reference closes its connection late or never, and its stations of 2025
        notice that after two minutes. What it has to send goes in a queue, which must be empty before it stops."""
        self.be_quiet()
        self.do("report", title="offline")
        time.sleep(1)
        self.do("disconnect")

    def be_quiet(self):
        """Waits until nothing has happened here for a second."""
        end = time.monotonic() + LONGEST
        while (left := self.last_event + 1 - time.monotonic()) > 0:
            if time.monotonic() > end:
                raise Failed(f"{self.name} does not come to rest; {self.standing()}")
            time.sleep(left)

    def create_group(self, members):
        return self.do("create_group", members=members)["group"]

    def send_group(self, group, content):
        return self.do("send_group", group=group, content=content)

    def joins(self, group, members):
        """Waits until this client knows these members of the group."""
        deadline = time.monotonic() + SECONDS
        while set(known := self.do("members", group=group)["members"]) != set(members):
            if time.monotonic() > deadline:
                raise Failed(f"{self.name} knows {known} of the group and not {members}")
            time.sleep(0.1)

    def leads(self, group, administrators):
        """Waits until this client knows these administrators of the group."""
        deadline = time.monotonic() + SECONDS
        while set(known := self.do("leaders", group=group)["administrators"]) != set(administrators):
            if time.monotonic() > deadline:
                raise Failed(f"{self.name} knows {known} as administrators and not {administrators}")
            time.sleep(0.1)

    def invite(self, group, *who):
        return self.do("invite", group=group, members=[one.id for one in who])

    def command(self, group, name, to, **members):
        """A command of the group for which dimples has no maker, sent as it sends others."""
        return self.do("group_command", to=[one.id for one in to],
                       content={"type": 137, "command": name, "group": group, **members})

    def got_command(self, group, name, sender):
        return self.arrival(lambda content: content.get("command") == name and content.get("group") == group,
                            f"the command {name!r}", sender)

    def arrival(self, wanted, what, sender=None, seconds=None):
        """The next arrived content for which wanted(content) holds, with its event around it."""
        def fits(event):
            return (event["event"] == "arrived" and (sender is None or same_person(event["sender"], sender))
                    and wanted(event["content"]))
        return self.await_event(fits, what, seconds)

    def got_text(self, text, sender=None, seconds=None):
        return self.arrival(lambda content: content.get("text") == text and kind(content) == 1, f"the text {text!r}",
                            sender, seconds)

    def got_receipt(self, text, sender=None, sent=None, seconds=None):
        """sent: what send() gave for the message that the receipt must be about."""
        def fits(content):
            if content.get("command") != "receipt" or content.get("text") != text:
                return False
            origin = content.get("origin") or content.get("envelope") or {}
            return sent is None or origin.get("signature") == sent["message"]["signature"]
        return self.arrival(fits, f"the receipt {text!r}", sender, seconds)

    def texts(self):
        """All texts that have arrived so far, in order."""
        return [event["content"]["text"] for event in list(self.events)
                if event["event"] == "arrived" and kind(event["content"]) == 1]

    def words(self):
        # What was asked for again and again is told once.
        events = [event for event, after in zip(self.events, [*self.events[1:], None])
                  if after is None or {**event, "tag": 0} != {**after, "tag": 0}]
        lines = [json.dumps(shortened(event)) for event in events[-60:]]
        return f"---- {self.name}: events\n" + "\n".join(lines) + "\n" + super().words()


def same_person(a, b):
    return a.split("/")[0] == b.split("/")[0]


def kind(content):
    """The type of a content as a number; the reference writes numbers, numeric strings, and sometimes names."""
    value = content.get("type")
    return int(value) if str(value).isdigit() else value


def shortened(value):
    """Long texts (keys, ciphertexts) cut, for reading."""
    if isinstance(value, dict):
        return {key: shortened(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [shortened(inner) for inner in value]
    if isinstance(value, str) and len(value) > 100:
        return value[:60] + f"...({len(value)})"
    return value


class Recorder:
    """A TCP relay between clients and a station that keeps every byte and can cut what runs through it."""

    def __init__(self, test, target, port=0):
        self.host, self.target = "127.0.0.1", target
        self.name = "recorder"
        self.chunks = []  # (connection, "C" from the client or "S" from the station, seconds since the start, bytes)
        self.sockets, self.all = [], []  # those that live, and all there ever were
        self.begin = time.monotonic()
        self.listener = socket.create_server((self.host, port))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self.accept, daemon=True).start()
        test.programs.append(self)

    def accept(self):
        number = 0
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            try:
                station = socket.create_connection((self.target.host, self.target.port))
            except OSError:  # it is away
                client.close()
                continue
            self.sockets += [client, station]
            self.all += [client, station]
            for source, sink, side in ((client, station, "C"), (station, client, "S")):
                threading.Thread(target=self.relay, args=(number, source, sink, side), daemon=True).start()
            number += 1

    def relay(self, number, source, sink, side):
        try:
            while data := source.recv(65536):
                self.chunks.append((number, side, time.monotonic() - self.begin, data))
                sink.sendall(data)
        except OSError:
            pass
        for one in (source, sink):
            try:
                one.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def cut(self):
        """Ends every connection that runs through here now."""
        for one in self.sockets:
            try:
                one.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
        self.sockets = []

    def stop(self):
        try:
            self.listener.shutdown(socket.SHUT_RDWR)  # wakes accept(), which close() alone does not
        except OSError:
            pass
        self.listener.close()
        self.cut()
        for one in self.all:
            one.close()

    def words(self):
        """The last frames of both directions, each with the time at which its first byte came; bytes where there are none."""
        chunks, told = list(self.chunks), []
        for number, side in dict.fromkeys((number, side) for number, side, _, _ in chunks):
            own = [(at, data) for one, who, at, data in chunks if (one, who) == (number, side)]
            begins = list(itertools.accumulate(len(data) for _, data in own))
            found = [(own[bisect.bisect(begins, offset)][0], number, side, f"{FRAMES.get(kind, kind)} {sn.hex()} {body[:300]!r}")
                     for offset, kind, sn, body in frames(b"".join(data for _, data in own))]
            told += found or [(at, number, side, repr(data[:300])) for at, data in own]
        return "---- recorder\n" + "\n".join(f"{at:8.3f} #{number} {side} {what}" for at, number, side, what in sorted(told)[-60:])


FRAMES = {0: "command", 1: "command answer", 2: "message", 3: "message answer", 10: "fragment"}


def frames(data):
    """The MTP frames of one direction of a connection, as (offset, type, transaction, body)."""
    at = 0
    while (at := data.find(b"DIM", at)) >= 0 and len(data) >= at + 4:
        words, kind = data[at + 3] >> 4, data[at + 3] & 15
        body = at + 4 * words
        if words not in (2, 4, 6) or len(data) < body:
            at += 3
            continue
        length = int.from_bytes(data[body - 4:body], "big")
        yield at, kind, data[at + 4:at + 12] if words >= 4 else b"", data[body:body + length]
        at = body + length


class ReferenceTest(unittest.TestCase):
    """Tests with programs of the reference. The programs of a class stay for all its tests and end with it."""

    passed = set()  # ids of the tests that have passed

    @classmethod
    def setUpClass(cls):
        missing = [generation for generation in install.GENERATIONS if not install.installed(generation)]
        if missing:
            raise AssertionError(f"the reference of {missing} is not installed: tests/reference/install.py")
        cls.programs = []
        cls.folder = tempfile.mkdtemp(prefix="dim-reference-")
        cls.addClassCleanup(cls.end)
        try:
            cls.begin()
        except Exception:
            cls.show("the start of " + cls.__name__)
            raise

    @classmethod
    def begin(cls):
        """What all tests of the class need."""

    @classmethod
    def end(cls):
        for program in reversed(cls.programs):
            program.stop()
        shutil.rmtree(cls.folder, ignore_errors=True)

    @classmethod
    def show(cls, what):
        print(f"\n==== what was exchanged in {what}", file=sys.stderr)
        for program in cls.programs:
            print(program.words(), file=sys.stderr)

    def run(self, result=None):
        """As unittest does it, but a test that fails shows what was exchanged."""
        before, begin = len(result.failures) + len(result.errors), time.monotonic()
        super().run(result)
        print(f"    {time.monotonic() - begin:.1f} s", file=sys.stderr)
        if len(result.failures) + len(result.errors) > before:
            self.show(self.id())
        else:
            self.passed.add(self.id())

    @classmethod
    def reference_client(cls, generation, name, station=None, account=None, process=None, **options):
        client = ReferenceClient(cls, generation, name, process)
        if account:
            client.account = account
            client.do("use", account=account)
        else:
            client.register(**options)
        if station:
            client.connect(station)
        return client


def flat(suite):
    for one in suite:
        if isinstance(one, unittest.TestSuite):
            yield from flat(one)
        else:
            yield one


def why(result):
    """What the failure that ended a world said, on one line: the exception, and where it is no test's, whose it is."""
    test, text = (result.errors + result.failures)[0]
    lines = text[text.rindex("Traceback (most recent call last):"):].splitlines()
    first = next(number for number, line in enumerate(lines) if number and line[:1].strip())
    said = " ".join(" ".join(lines[first:]).split())[:400]
    return said if isinstance(test, unittest.TestCase) else f"{test}: {said}"


def main():
    """Runs the tests of the file, or the classes and tests that are named.

    A failure ends its world, because programs that are out of step would fail the tests behind it as well; the test
    that failed opens the next world. Programs of the reference have races of their own (each is told of where it shows),
    which no change here mends: what fails in three worlds has failed, and nothing after it is tried, as each world waits
    for as long as patience lasts; what fails in fewer is told at the end and in the summary of ./dev test. When a program
    of ours crashes, that is all.
    """
    loader, module = unittest.defaultTestLoader, sys.modules["__main__"]
    suite = loader.loadTestsFromNames(sys.argv[1:], module) if sys.argv[1:] else loader.loadTestsFromModule(module)
    left = list(flat(suite))
    if not left:
        sys.exit("no tests were run")
    worlds, failed = collections.defaultdict(list), []  # what each failed world of a test said
    while left:
        result = unittest.TextTestRunner(verbosity=2, failfast=True).run(unittest.TestSuite(left))
        left = [test for test in left if test.id() not in ReferenceTest.passed]
        if CRASHED:
            failed += CRASHED
            break
        if result.wasSuccessful():
            break
        if not left:
            failed.append("the end of the last world")
            break
        worlds[left[0].id()].append(why(result))
        if len(worlds[left[0].id()]) == WORLDS:
            failed.append(left.pop(0).id())
            break
    told = []
    for name, said in worlds.items():
        told += [f"failed in {len(said)} of {WORLDS} worlds: {name}", *(f"    because: {one}" for one in said)]
    told += [f"crashed: {what}" for what in CRASHED]
    if failed and left:
        told.append(f"not tried after that: {len(left)} tests")
    for line in told:
        print(line, file=sys.stderr)
    if told and "DIM_TEST_NOTES" in os.environ:
        with open(os.environ["DIM_TEST_NOTES"], "a", encoding="utf-8") as notes:
            notes.write("".join(f"    {os.path.basename(sys.argv[0])}: {line}\n" for line in told))
    sys.exit(1 if failed else 0)
