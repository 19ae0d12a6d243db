"""live.md: streams of audio and video on 8803 and 8804."""
import json
import struct
import time
import uuid

from claims.hubs import ask, found, join, make, member
from peer.connection import Closed, Late
from peer.login import port_proof
from peer.packets import b64
from suite import claim, expect, expect_closed, expect_code

AUDIO, VIDEO = 8803, 8804
SECRET = {"secret": b64(bytes(32))}


def frame(stream, sequence, payload=b"opus", key=1, time_=0):
    body = struct.pack(">IIQB", stream, sequence, time_, key) + payload
    return struct.pack(">I", len(body)) + body


class Joined:
    """A connection behind its 101."""

    def __init__(self, scene, person, port, stream, direction=None, code=101):
        self.lane = scene.connect(port)
        proof = port_proof(person.token, self.lane.binding, port)
        expect_code(self.lane.ask("CONNECT", fields=person.lane_fields(self.lane, proof=proof)), 200, str(port), "connect.md 4")
        self.join(stream, direction, code)

    def join(self, stream, direction=None, code=101):
        fields = {"target": stream, **({"direction": direction} if direction else {})}
        self.answer = expect_code(self.lane.ask("CONNECT", fields=fields), code, "joining")
        self.number = int(self.answer.get("stream", "0"))
        self.buffer, self.sequence = self.lane.reader.buffer, 0
        self.lane.reader.buffer = b""

    def say(self, payload=b"opus", **options):
        self.sequence += 1
        self.lane.send_raw(frame(self.number, self.sequence, payload, **options))

    def frames(self, count=None, seconds=10.0):
        """Frames as (stream, sequence, key, payload): `count` of them, or all that come until nothing does for a while."""
        got, deadline = [], time.monotonic() + seconds
        while count is None or len(got) < count:
            while len(self.buffer) >= 4 and len(self.buffer) >= 4 + struct.unpack(">I", self.buffer[:4])[0]:
                size = struct.unpack(">I", self.buffer[:4])[0]
                stream, sequence, _, key = struct.unpack(">IIQB", self.buffer[4:21])
                got.append((stream, sequence, key, self.buffer[21:4 + size]))
                self.buffer = self.buffer[4 + size:]
            if count is not None and len(got) >= count:
                break
            try:
                data = self.lane.receive_raw(deadline)
            except Late:
                break
            if not data:
                break
            self.buffer += data
        return got


def stage(scene, people, permissions=("read", "write", "speak", "stream")):
    """A hub of the first with all others in it; (hub, channel)."""
    hub = found(people[0])
    channel = make(people[0], "channel", hub, {"name": "voice"})
    expect_code(ask(people[0], "EDIT", "hub", hub, {"everyone": list(permissions)}), 200, "rights of everyone", "hubs.md 3")
    for one in people[1:]:
        join(people[0], one, hub)
    return hub, channel


def opened(person, target):
    guid = uuid.uuid4().hex
    answer = expect_code(ask(person, "CREATE", "stream", target, SECRET, guid=guid), 201, "a stream is opened")
    expect(answer.get("guid") == guid, f"guid is {answer.get('guid')}")
    return guid


def told(person, state):
    """The next notice about streams with that state."""
    while True:
        push = person.text.next_push()
        if push.get("type") == "stream" and push.get("state") == state:
            return push


@claim("V01", "live.md 1", "a stream of a channel is told to its readers, joined behind a 101, and its frames go to all others as they came")
def v01(scene):
    alice, bob, carol = scene.person(), scene.person(), scene.person()
    hub, channel = stage(scene, (alice, bob))
    stream = opened(alice, channel)
    push = told(bob, "started")
    expect((push.get("guid"), push.get("author"), json.loads(push.content)) == (stream, alice.account.id, SECRET), f"told was {push}")
    expect(expect_code(ask(bob, "GET", "stream", channel), 200).get("guid") == stream, "another stream is there")
    expect_code(ask(carol, "GET", "stream", channel), 404, "who is no member")
    expect_code(ask(bob, "CREATE", "stream", channel, SECRET, guid=uuid.uuid4().hex), 407, "a second stream")
    one, other = Joined(scene, alice, AUDIO, stream), Joined(scene, bob, AUDIO, stream)
    one.say(b"first")
    one.say(b"second")
    got = other.frames(2)
    expect(got == [(one.number, 1, 1, b"first"), (one.number, 2, 1, b"second")], f"{got} came")
    expect(told(bob, "joined").get("author") == alice.account.id, "another one has joined")
    one.lane.close()
    told(bob, "left")
    expect_code(ask(alice, "DELETE", "stream", stream), 204)
    expect_closed(other.lane)


@claim("V02", "live.md 4", "who comes late to a picture gets it from a key frame on, which the sender is asked for")
def v02(scene):
    alice, bob = scene.person(), scene.person()
    hub, channel = stage(scene, (alice, bob))
    stream = opened(alice, channel)
    film = Joined(scene, alice, VIDEO, stream)
    film.say(b"k" * 5000)
    late = Joined(scene, bob, VIDEO, stream)
    asked = told(alice, "key-frame")
    expect(asked.get("stream") == str(film.number), f"asked for was {asked}")
    film.say(b"d" * 500, key=0)
    film.say(b"k" * 5000)
    film.say(b"d" * 500, key=0)
    got = [one[1:3] for one in late.frames(2)]
    expect(got == [(3, 1), (4, 0)], f"sequences and key bits are {got}")


@claim("V03", "live.md 4", "a right that ends puts who has joined by it out at once; a ban counts the streams that it ends")
def v03(scene):
    alice, bob = scene.person(), scene.person()
    hub, channel = stage(scene, (alice, bob), ("read", "write"))
    stream = opened(alice, channel)
    speaks = Joined(scene, bob, AUDIO, stream, code=403)
    role = make(alice, "role", hub, {"name": "voice", "permissions": ["speak"], "rank": 1})
    expect_code(member(alice, hub, bob, {"roles": [role]}), 200)
    bob.text.pushes = []
    speaks.join(stream)
    listens = Joined(scene, bob, VIDEO, stream, "receive")
    expect_code(member(alice, hub, bob, {"roles": []}), 200)
    expect_closed(speaks.lane)
    expect(told(bob, "left").get("reason") == "forbidden", "no reason is told")
    answer = alice.control.ask("CREATE", b"{}", {"type": "ban", "target": hub, "member": bob.account.id})
    expect_code(answer, 201, "a ban")
    expect(answer.get("streams") == "2", f"streams is {answer.get('streams')}, with 8801 and 8804 open")
    expect_closed(listens.lane)


@claim("M11", "live.md 3", "frames of an unknown stream, of somebody else's and replayed ones go nowhere, and the hundredth ends the connection; a length of 2^31 does at once")
def m11(scene):
    alice, bob = scene.person(), scene.person()
    hub, channel = stage(scene, (alice, bob))
    stream = opened(alice, channel)
    other = Joined(scene, bob, AUDIO, stream)
    for name, wrong in (("unknown stream", lambda me, i: frame(4711, i)), ("somebody else's", lambda me, i: frame(other.number, i)),
                        ("replayed", lambda me, i: frame(me.number, 1))):
        with scene.case(name):
            me = Joined(scene, alice, AUDIO, stream)
            me.say(b"first")
            for i in range(1, 100):
                me.lane.send_raw(wrong(me, i))
            me.say(b"second")
            got = [one[3] for one in other.frames(2)]
            expect(got == [b"first", b"second"], f"{got} came")
            me.lane.send_raw(wrong(me, 1000))
            expect_closed(me.lane)
    with scene.case("a length of 2^31"):
        me = Joined(scene, alice, AUDIO, stream)
        me.lane.send_raw(struct.pack(">I", 1 << 31) + bytes(100))
        expect_closed(me.lane)


@claim("M12", "live.md 4", "a sender at 100 Mbit/s is shaped to its rate, and loses none of its sound by that")
def m12(scene):
    alice, bob = scene.person(), scene.person()
    hub, channel = stage(scene, (alice, bob))
    stream = opened(alice, channel)
    sound, film = Joined(scene, alice, AUDIO, stream), Joined(scene, alice, VIDEO, stream)
    hears, sees = Joined(scene, bob, AUDIO, stream), Joined(scene, bob, VIDEO, stream)
    mib, sent, got, heard, begun = 1024 * 1024, 0, 0, 0, time.monotonic()
    passed = lambda: time.monotonic() - begun
    try:
        # Four times of what may come, for who takes pictures late loses some; where the station reads so much.
        while sent < 8 * mib or (sent < 4 * (3 + passed()) * mib and passed() < 5):
            film.say(bytes(50 * 1024))
            sent += 50 * 1024
            if sound.sequence < 160:
                sound.say(bytes(160))
            got += sum(len(one[3]) for one in sees.frames(seconds=0.0))
            heard += len(hears.frames(seconds=0.0))
    except Closed:
        expect(False, "the connection of the sender was closed")
    heard += len(hears.frames(160 - heard))
    got += sum(len(one[3]) for one in sees.frames(seconds=0.5))
    seconds = passed()
    expect(heard == 160, f"of 160 frames of sound {heard} came")
    expect(got <= (3 + seconds) * mib, f"{got} bytes of pictures came within {seconds:.1f} s")
