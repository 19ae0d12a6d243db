"""What a claim is, what it may use, and how claims are run side by side."""
import collections
import concurrent.futures
import contextlib
import json
import threading
import time
import traceback
import uuid

from cryptography.hazmat.primitives.asymmetric import rsa

from peer import letters, packets
from peer.connection import Broken, Closed, Late, TlsRefused
from peer.identity import Account, public_pem
from peer.login import LoginFailed, Session, Station

CLAIMS = {}
UNSEEN = {  # codes of this edition that nobody can provoke from outside, and why
    500: "only a disk that fails makes it",
    510: "only a station that is short of memory says it, and who is outside does not decide when it is",
}
NEEDS = {  # codes that a run provokes with an operator's command alone
    503: "stop",
}
GENTLE_CONNECTIONS = 8  # a second
GENTLE_TRIES = 6        # of a claim that was told to wait
GENTLE_WAIT = 65        # seconds: in which the failed log-ins of a minute are forgotten


class Failed(Exception):
    """What a claim says does not hold. `section`: where it is said, when that is not the claim's own section; `packet`:
    what came instead."""

    def __init__(self, what, section=None, packet=None):
        super().__init__(what)
        self.section, self.packet = section, packet


FAILURES = (Failed, Broken, Closed, Late, TlsRefused, LoginFailed, ConnectionError)


class Skipped(Exception):
    """The claim cannot be checked here; the text says why."""


class Claim:
    def __init__(self, name, section, title, run, reason=None, last=False):
        self.name, self.section, self.title, self.run, self.reason, self.last = name, section, title, run, reason, last


def claim(name, section, title, last=False):
    """Registers a function of a Scene as the claim `name`; `section`: a page of docs/protocol and the number in it; `last`:
    it needs the station for itself, and runs behind all others."""
    def register(run):
        assert name not in CLAIMS, name
        CLAIMS[name] = Claim(name, section, title, run, last=last)
        return run
    return register


def not_here(name, section, title, reason):
    """A row of the plan that no black-box run can check, and why."""
    def skip(_):
        raise Skipped(reason)
    CLAIMS[name] = Claim(name, section, title, skip, reason)


class Result:
    def __init__(self, claim_, outcome, failures=(), seconds=0.0):
        self.claim, self.outcome, self.failures, self.seconds = claim_, outcome, list(failures), seconds


class Plan:
    """What a run knows: the station, what its operator lends, and every packet code that was seen."""

    def __init__(self, station_id, host, port, operator=None, slow=False, gentle=False, web=None):
        self.target = Station(station_id, host, port)
        self.operator = operator or {}  # stop, crash, ban, register: shell commands
        self.slow, self.gentle, self.web = slow, gentle, web  # web: a port, or None
        self.next_connection = 0.0
        self.codes = collections.Counter()
        self.provoked = collections.defaultdict(set)  # code -> names of the claims in which it came
        self.keys = {}  # ("A" or "P", key) -> a packet that had it
        self.done = {}  # ((operation, type), code below 300) -> such an answer
        self.whole = False  # every claim was chosen
        self.lock = threading.Lock()
        self.message_key = rsa.generate_private_key(65537, 2048)  # one for all accounts of the run
        self.visa_key = public_pem(self.message_key.public_key())

    def before_connection(self):
        """Keeps connections below what stations take from one network (limits.md section 4)."""
        if not self.gentle:
            return
        with self.lock:
            at = max(self.next_connection, time.monotonic())
            self.next_connection = at + 1 / GENTLE_CONNECTIONS
        time.sleep(max(0.0, at - time.monotonic()))

    def saw(self, packet, name):
        with self.lock:
            for key in packet.header:
                self.keys.setdefault(("P" if packet.code is None else "A", key), packet)
            if packet.code is not None:
                self.codes[packet.code] += 1
                self.provoked[packet.code].add(name)
                if packet.asked and packet.code < 300:
                    self.done.setdefault((packet.asked, packet.code), packet)

    def excuse(self, code):
        """Why nothing in this run can provoke it; None: something can."""
        need = NEEDS.get(code)
        return UNSEEN.get(code) or (f"needs --{need}" if need and need not in self.operator else None)

    def unseen(self):
        """code -> why it did not come in this run, of every code that this edition sends."""
        return {code: self.excuse(code) or "no claim of this run provoked it" for code in packets.CODES if not self.codes[code]}


class Scene:
    """One claim's stage: people and connections that end with it."""

    def __init__(self, plan, name):
        self.plan, self.name, self.failures = plan, name, []
        self.told_to_wait = False  # 416 came where something else was due
        self.station = Station(plan.target.id, plan.target.host, plan.target.port, self.saw)
        self.open = contextlib.ExitStack()

    def saw(self, packet):
        self.plan.saw(packet, self.name)

    # --- people and connections

    def account(self, name="conformance"):
        return Account(self.plan.message_key, name)

    def connect(self, port=8800, **options):
        """A connection that is not logged in. A station that takes no more for a moment is asked again."""
        for wait in (0.5, 1, 2, 4, None):
            try:
                self.plan.before_connection()
                return self.open.enter_context(self.station.connect(port, **options))
            except (TlsRefused, ConnectionError) as error:
                if wait is None or (isinstance(error, TlsRefused) and "closed" not in str(error)):
                    raise
                time.sleep(wait)  # limits.md section 4: closed without a word

    def person(self, account=None, **options):
        """A new user, or `account`, logged in on 8800 and 8801."""
        while True:
            try:
                return self.open.enter_context(Session(self, account or self.account(), **options))
            except LoginFailed as error:
                if error.packet is None or error.packet.code != 416:
                    raise
                time.sleep(int(error.packet["retry-after"]))

    @property
    def id(self):
        return self.station.id

    # --- what most claims do

    def letter(self, sender, receiver, text="Nobody but you can read this.", size=320):
        """Bytes of a signed message; `sender` a Session or Account, `receiver` a Session, an Account or an ID."""
        account = getattr(sender, "account", sender)
        to = getattr(getattr(receiver, "account", receiver), "id", receiver)
        return json.dumps(letters.seal(account, to, self.plan.visa_key, text, size=size)).encode()

    def create(self, sender, receiver, content=None, guid=None, kind="message", **options):
        """Sends CREATE on the sender's 8801; its id."""
        to = getattr(getattr(receiver, "account", receiver), "id", receiver)
        content = self.letter(sender, receiver) if content is None else content
        fields = {"type": kind, "target": to, "guid": guid or uuid.uuid4().hex, **options.pop("fields", {})}
        return sender.text.send("CREATE", content, fields, **options)

    def write(self, sender, receiver, content=None, guid=None, kind="message", **options):
        """Sends CREATE and returns the answer; pushes that come before it are kept in sender.text.pushes."""
        return sender.text.answer_to(self.create(sender, receiver, content, guid, kind, **options))

    def inbox(self, session, **fields):
        """GET of messages on a session's 8801: (pushes, answer)."""
        answer = session.text.ask("GET", fields={"type": "message", **fields})
        got, session.text.pushes = session.text.pushes, []
        return got, answer

    @contextlib.contextmanager
    def case(self, name):
        """A row of a claim's table: what fails is noted under its name, and the next row goes on."""
        try:
            yield
        except FAILURES as error:
            self.note(error, name)

    def note(self, error, name=None):
        self.failures.append((f"{name}: {text_of(error)}" if name else text_of(error), getattr(error, "section", None)))
        packet = getattr(error, "packet", None)
        self.told_to_wait |= packet is not None and packet.code == 416


def text_of(error):
    return str(error) if isinstance(error, (Failed, Skipped)) else f"{type(error).__name__}: {error}"


def expect(condition, what, section=None):
    if not condition:
        raise Failed(what, section)


def expect_code(packet, codes, what="", section=None):
    codes = codes if isinstance(codes, tuple) else (codes,)
    if packet.code not in codes:
        wanted = " or ".join(f"{code} {packets.CODES.get(code, '')}" for code in codes)
        raise Failed(f"{what}{': ' if what else ''}{wanted} was due, and {packet} came", section, packet)
    return packet


def expect_silence(lane, what):
    """Nothing but the answer to a ping comes on the lane."""
    expect(lane.ping(), "a ping was not answered by 200")
    if lane.pushes:
        raise Failed(f"{what}: {lane.pushes[0]} came")


def expect_closed(lane, code=None, what=""):
    """The station ends the connection, with `code` before it; returns what came."""
    got = lane.until_closed()
    if code is not None:
        expect(got and got[-1].code == code, f"{what}{': ' if what else ''}{code} and the end of the connection were due, "
               f"and {', '.join(map(str, got)) or 'nothing'} came before the end")
    return got


def run_one(plan, one):
    started = time.monotonic()
    for tries in range(GENTLE_TRIES):
        scene, outcome = Scene(plan, one.name), "passed"
        try:
            with scene.open:
                one.run(scene)
        except Skipped as error:
            return Result(one, "skipped", [(str(error), None)], time.monotonic() - started)
        except FAILURES as error:
            scene.note(error)
        except Exception:  # a fault of the suite, which is told as one
            outcome = "error"
            scene.failures.append((traceback.format_exc(limit=-4), None))
        if not (plan.gentle and scene.told_to_wait) or tries + 1 == GENTLE_TRIES:
            break
        time.sleep(GENTLE_WAIT)
    if scene.failures and outcome == "passed":
        outcome = "failed"
    return Result(one, outcome, scene.failures, time.monotonic() - started)


def run(plan, chosen, jobs, told=lambda result: None):
    """Runs the claims, `jobs` at a time; those that need the station for themselves (operator) at the end, one by one.
    `told` is called with each Result as it comes."""
    plan.whole, jobs = len(chosen) == len(CLAIMS), 1 if plan.gentle else jobs
    alone = [one for one in CLAIMS.values() if one.last and one in chosen]
    results = []

    def take(result):
        results.append(result)
        told(result)

    with concurrent.futures.ThreadPoolExecutor(jobs) as pool:
        for done in concurrent.futures.as_completed(
                [pool.submit(run_one, plan, one) for one in chosen if one not in alone]):
            take(done.result())
    for one in alone:
        take(run_one(plan, one))
    return sorted(results, key=lambda result: result.claim.name)
