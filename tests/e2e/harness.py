"""Runs dimd and dim as a user would: real programs, real TLS on [::1], one temporary folder."""
import functools
import json
import os
import random
import re
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time
import unittest
import zlib

BIN = os.environ.get("DIM_BIN") or os.path.join(os.path.dirname(__file__), "../../build/release/bin")


# What users are promised in seconds is promised for plain builds; a sanitiser makes programs several times slower.
SLOWER = 5 if os.environ.get("DIM_SANITIZE") else 1

GIVEN = set()  # bases that this process has handed out: their stations may not listen yet


def free_port_base():
    """A base whose ports are free on [::1]."""
    while True:
        base = random.randrange(20000, 32000, 16)  # below the ports that the system gives to connections
        if base in GIVEN:
            continue
        try:
            for offset in (0, 1, 2, 3, 4, 10):
                with socket.socket(socket.AF_INET6) as probe:
                    probe.bind(("::1", base + offset))
            GIVEN.add(base)
            return base
        except OSError:
            continue


def listens(port):
    try:
        socket.create_connection(("::1", port), timeout=1).close()
        return True
    except OSError:
        return False


def memory_of(process):
    """name -> KiB, of /proc/PID/status (VmRSS, VmHWM, ...); nothing when the process has ended."""
    try:
        with open(f"/proc/{process.pid}/status", encoding="utf-8") as file:
            return {line.split(":")[0]: int(line.split()[1]) for line in file if line.startswith("Vm")}
    except (OSError, IndexError):
        return {}


def grown(process, watched, work, every=0.005):
    """KiB by which each of `watched` grew until `process` ended, from when `work()`, in bytes, was above a MiB; None of one that
    was not seen then."""
    begun, most = [None] * len(watched), [None] * len(watched)
    while process.poll() is None:
        at_work = work() > 1 << 20
        for number, one in enumerate(watched):
            now = memory_of(one).get("VmRSS")
            if now is None or not at_work:
                continue
            begun[number] = now if begun[number] is None else begun[number]
            most[number] = max(most[number] or 0, now - begun[number])
        time.sleep(every)
    return most


def note(text):
    """Says in the summary of the run what was not tested although nothing failed."""
    line = f"{os.path.basename(sys.argv[0])}: {text}"
    print(line, flush=True)
    if "DIM_TEST_NOTES" in os.environ:
        with open(os.environ["DIM_TEST_NOTES"], "a", encoding="utf-8") as notes:
            notes.write(f"    {line}\n")


@functools.cache
def seccomp_works():
    """Whether a process may give up its rights here, found out without the programs under test: they have no excuse then. Where
    not, that is noted."""
    probe = """
import ctypes, sys
libc = ctypes.CDLL(None, use_errno=True)
class Filter(ctypes.Structure):
    _fields_ = [("code", ctypes.c_ushort), ("jt", ctypes.c_ubyte), ("jf", ctypes.c_ubyte), ("k", ctypes.c_uint)]
class Program(ctypes.Structure):
    _fields_ = [("len", ctypes.c_ushort), ("filter", ctypes.POINTER(Filter))]
allow = (Filter * 1)(Filter(0x06, 0, 0, 0x7fff0000))  # BPF_RET, SECCOMP_RET_ALLOW
program = Program(1, allow)
sys.exit(libc.prctl(38, 1, 0, 0, 0) != 0 or libc.prctl(22, 2, ctypes.byref(program), 0, 0) != 0)  # NO_NEW_PRIVS, SECCOMP
"""
    works = subprocess.run([sys.executable, "-c", probe], timeout=60).returncode == 0
    if not works:
        note("this system lets no process give up its rights (seccomp): previews of pictures (F46, M07) are not tested")
    return works


def in_namespace(kind, attempt, without):
    """Goes on in a namespace of its own (of unshare: net, mount) when `attempt`, a command, works in one. Else `without` is
    noted, and False."""
    inside = "DIM_TEST_NAMESPACE"
    if os.environ.get(inside) == kind:
        return True
    unshare = ["unshare", "--map-root-user", "--" + kind]
    try:
        done = subprocess.run([*unshare, *attempt], capture_output=True, timeout=60)
    except FileNotFoundError:
        done = None
    if done is None or done.returncode != 0:
        note(without)
        return False
    os.environ[inside] = kind
    os.execvp(unshare[0], [*unshare, sys.executable, *sys.argv])


class Station:
    listen = "::1"

    def __init__(self, folder, *arguments, environment=None):
        """`environment`: what `dimd run` has besides that of the test."""
        self.environment = environment or {}
        self.data = os.path.join(folder, "station")
        self.base = free_port_base()
        self.arguments = arguments
        self.log = open(os.path.join(folder, "dimd.log"), "ab")
        self.process = None
        self.start()

    def start(self):
        said = len(self.log_text())
        self.process = subprocess.Popen(
            [os.path.join(BIN, "dimd"), "run", "--data", self.data, "--listen", self.listen, "--port-base", str(self.base), "--allow-root",
             *(argument.replace("{web}", str(self.base + 10)) for argument in self.arguments)],
            stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log, env={**os.environ, **self.environment})
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline:
            # Every port is open then, the gateways' too; and it is this program's, not another's.
            if "dimd: ready on" in self.log_text()[said:]:
                return
            if self.process.poll() is not None:
                raise AssertionError(f"dimd ended with {self.process.returncode}: {self.log_text()[-2000:]}")
            time.sleep(0.02)
        raise AssertionError("dimd did not listen within 30 s: " + self.log_text()[-2000:])

    def kill(self):
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def stop(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                return self.process.wait(10)
            except subprocess.TimeoutExpired:
                self.kill()
                raise AssertionError("dimd did not stop within 10 s of SIGTERM")
        return self.process.returncode

    def ports(self):
        """What its process listens on, TCP and UDP, whoever else does on this machine."""
        sockets = set()
        for file in os.listdir(f"/proc/{self.process.pid}/fd"):
            try:
                sockets.add(os.readlink(f"/proc/{self.process.pid}/fd/{file}"))
            except FileNotFoundError:
                pass
        found = set()
        for table in ("tcp", "tcp6", "udp", "udp6"):
            with open(f"/proc/{self.process.pid}/net/{table}") as lines:
                for words in [line.split() for line in lines][1:]:
                    if f"socket:[{words[9]}]" in sockets and (words[3] == "0A" or table.startswith("udp")):
                        found.add(int(words[1].rpartition(":")[2], 16))
        return found

    def log_text(self):
        with open(self.log.name, "r", errors="replace") as file:
            return file.read()

    def dimd(self, verb, *arguments):
        done = subprocess.run([os.path.join(BIN, "dimd"), verb, "--data", self.data, *arguments],
                              capture_output=True, text=True, timeout=30)
        if done.returncode != 0:
            raise AssertionError(f"dimd {verb}: {done.returncode}: {done.stdout}{done.stderr}")
        return done.stdout

    def link(self, *arguments):
        """The invite link, with the address and port that this test uses."""
        text = self.dimd("invite", "--host", "::1", "--json", *arguments)
        return json.loads(text.splitlines()[0])["link"]


def png(width, height, *chunks, pixels=True):
    """A picture, red on the left and blue on the right; without `pixels` only its head. `chunks` go behind the head."""
    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
    head = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
    head += b"".join(chunk(kind, data) for kind, data in chunks)
    if not pixels:
        return head
    row = b"\0" + b"\xff\0\0" * (width // 2) + b"\0\0\xff" * (width - width // 2)
    return head + chunk(b"IDAT", zlib.compress(row * height)) + chunk(b"IEND", b"")


class Firewall:
    """In front of a station: lets one port through, and refuses the others. Bytes go both ways as they are."""

    def __init__(self, to):
        self.base, self.to, self.connections = free_port_base(), to, 0
        self.lock, self.over = threading.Lock(), {}
        self.listener = socket.create_server(("::1", self.base), family=socket.AF_INET6)
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                client = self.listener.accept()[0]
            except OSError:
                return
            self.connections += 1
            try:
                station = socket.create_connection(("::1", self.to))
            except OSError:
                client.close()
                continue
            for one, other in ((client, station), (station, client)):
                threading.Thread(target=self.pass_on, args=(one, other), daemon=True).start()

    def pass_on(self, one, other):
        try:
            up = one.getsockname()[1] == self.base
            while data := one.recv(65536):
                self.admit(len(data), up)
                other.sendall(data)
            other.shutdown(socket.SHUT_WR)
        except OSError:
            pass
        with self.lock:
            self.over[one] = other
            if self.over.get(other) is one:  # both ways
                one.close()
                other.close()

    def admit(self, count, up):
        """Before bytes go on; `up`: to the station."""

    def close(self):
        self.listener.close()


class Sluice(Firewall):
    """Lets as many bytes through in one direction as it is opened for, and then waits."""

    def __init__(self, to):
        self.opened = threading.Condition()
        self.room = {True: None, False: None}  # None: no limit
        super().__init__(to)

    def admit(self, count, up):
        with self.opened:
            self.opened.wait_for(lambda: self.room[up] is None or self.room[up] > 0)
            if self.room[up] is not None:
                self.room[up] -= count

    def let(self, up, count):
        """So many bytes more; None: all."""
        with self.opened:
            self.room[up] = None if count is None else (self.room[up] or 0) + count
            self.opened.notify_all()


class Person:
    def __init__(self, folder, name):
        self.name = name
        self.home = os.path.join(folder, "home-" + name)

    def command(self, *arguments, as_json=True):
        return [os.path.join(BIN, "dim"), "--home", self.home, *(["--json"] if as_json else []), *arguments]

    def run(self, *arguments, code=0, as_json=True, stdin=None, timeout=60):
        """Runs a verb; its JSON lines (or its text). Fails when it ends with another code."""
        done = subprocess.run(self.command(*arguments, as_json=as_json), input=stdin, capture_output=True, text=True,
                              timeout=timeout, stdin=subprocess.DEVNULL if stdin is None else None)
        if code is not None and done.returncode != code:
            raise AssertionError(f"dim {arguments}: {done.returncode}, not {code}\n{done.stdout}\n{done.stderr}")
        if not as_json:
            return done.stdout
        verb = next((word for word in arguments if word in verbs_of("dim")), None)
        return [checked(line, verb) for line in done.stdout.splitlines()]

    def start(self, *arguments):
        return subprocess.Popen(self.command(*arguments), stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                stderr=subprocess.PIPE, text=True)

    def id(self):
        return self.run("id")[0]["id"]


TYPES = {
    "ID": lambda value: isinstance(value, str) and re.fullmatch(r"(\S+@)?(0x[0-9A-Fa-f]{40}|[1-9A-HJ-NP-Za-km-z]{26,35})", value),
    "GUID": lambda value: isinstance(value, str) and re.fullmatch(r"[0-9a-f]{32}", value),
    "time": lambda value: isinstance(value, str) and re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", value),
    "URI": lambda value: isinstance(value, str) and value.startswith("dim:"),
    "text": lambda value: isinstance(value, str),
    "object": lambda value: isinstance(value, dict),
    "list": lambda value: isinstance(value, list),
    "flag": lambda value: isinstance(value, bool),
    "count": lambda value: isinstance(value, int) and not isinstance(value, bool) and value >= 0,
}


def fits(kind, value):
    """Whether `value` is of the type that docs/cli-json.md calls `kind`."""
    if kind.startswith("`"):
        return isinstance(value, str) and value in re.findall(r"`([^`]*)`", kind)
    if kind.endswith(" or empty"):
        return value == "" or fits(kind.removesuffix(" or empty"), value)
    return bool(TYPES[kind](value))


class Event:
    """One object of docs/cli-json.md: which verbs print it, and its members."""

    def __init__(self, verbs):
        self.verbs = verbs  # empty: every verb
        self.members = {}   # name -> (type, whether it may be missing)


def documented():
    """event -> Event, from docs/cli-json.md."""
    path = os.path.join(os.path.dirname(__file__), "../../docs/cli-json.md")
    table, event = {}, None
    with open(path, encoding="utf-8") as file:
        for line in file:
            if line.startswith("#"):
                heading = re.match(r"### `(\w+)`: (.*)", line)
                event = Event(re.findall(r"`(\w+)`", heading.group(2))) if heading else None
                if heading:
                    table[heading.group(1)] = event
            member = re.match(r"\| `(\w+)`(\??) \| (.*?) \| ", line)
            if event and member:
                event.members[member.group(1)] = (member.group(3), member.group(2) == "?")
    return table


DOCUMENTED = documented()
SEEN = set()  # (verb, event) of everything that was checked


def checked(line, verb=None):
    """One line of --json output, which must be as documented."""
    object = json.loads(line)
    event = DOCUMENTED[object["event"]]
    if next(iter(object)) != "event":
        raise AssertionError("event is not the first member: " + line)
    for name, value in object.items():
        if name != "event" and name not in event.members:
            raise AssertionError(f"{name} is not in docs/cli-json.md: {line}")
        if name != "event" and not fits(event.members[name][0], value):
            raise AssertionError(f"{name} is no {event.members[name][0]}: {line}")
    for name, (_, optional) in event.members.items():
        if not optional and name not in object:
            raise AssertionError(f"docs/cli-json.md promises {name}: {line}")
    if verb and event.verbs and verb not in event.verbs:
        raise AssertionError(f"docs/cli-json.md does not say that {verb} prints this: {line}")
    SEEN.add((verb, object["event"]))
    return object


@functools.cache
def verbs_of(program):
    """What `program --help` lists, and what each of these says."""
    text = subprocess.run([os.path.join(BIN, program), "--help"], capture_output=True, text=True, timeout=30).stdout
    return re.findall(r"^  ([a-z][a-z-]*)\b", text.partition("Subcommands:")[2], re.M)


def of(objects, event):
    return [object for object in objects if object["event"] == event]


def wait_until(true, seconds=60 * SLOWER):
    deadline = time.monotonic() + seconds
    while not true():
        if time.monotonic() > deadline:
            raise AssertionError("waited in vain")
        time.sleep(0.01)


def until(process, event, verb="listen", wanted=lambda one: True):
    """The next object of that name that `verb` prints."""
    for line in process.stdout:
        one = checked(line, verb)
        if one["event"] == event and wanted(one):
            return one
    raise AssertionError(f"no {event} came: {process.stderr.read()}")


class EndToEnd(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="dim-e2e-")
        self.stations = []
        self.addCleanup(self.clean_up)

    def clean_up(self):
        for station in self.stations:
            if station.process.poll() is None:
                station.kill()
            station.log.close()
        shutil.rmtree(self.folder, ignore_errors=True)

    def station(self, *arguments, environment=None):
        station = Station(self.folder, *arguments, environment=environment)
        self.stations.append(station)
        return station

    def person(self, name, link=None):
        person = Person(self.folder, name)
        if link:
            person.run("join", link, "--name", name)
        return person


def main():
    unittest.main(argv=[sys.argv[0], "-v"] + sys.argv[1:])
