"""native.md, "At the station": prekeys are kept for devices, checked, given out once, and slowly."""
import json
import struct
import time

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ed25519, x25519

from claims.documents import put
from peer.identity import lp
from peer.packets import b64
from suite import claim, expect, expect_code

SECTION = "native.md 8"
SIGNED, ONCE, LAST = 1, 2, 3


def raw(key):
    return key.public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)


class Device:
    """A device of an account: its keys of the suite, its visa, and sets of prekeys."""

    def __init__(self, account, terminal="phone"):
        self.account, self.id = account, f"{account.id}/{terminal}" if terminal else account.id
        self.key, self.agreement = ed25519.Ed25519PrivateKey.generate(), x25519.X25519PrivateKey.generate()
        self.at = time.time() - 100 if terminal else time.time() + 1  # behind the visa of the log-in

    def visa(self, **members):
        """Each one newer than the one before."""
        self.at += 1
        n1 = {"v": 1, "sig": b64(raw(self.key.public_key())), "dh": b64(raw(self.agreement.public_key())), "features": ["n1"]}
        document = self.account.document(at=round(self.at, 3), **{"did": self.id, "n1": n1, **members})
        return {**document, "did": self.id}

    def prekey(self, kind, number, at=None, signer=None):
        """`at`: milliseconds, for all kinds but one-time keys."""
        key = raw(x25519.X25519PrivateKey.generate().public_key())
        text = b"dim/2023 n1 prekey\0" + bytes([kind]) + lp(self.id.encode()) + struct.pack(">IQ", number, at or 0) + key
        out = {"id": number, "key": b64(key), "signature": b64((signer or self.key).sign(text))}
        if at is not None:
            seconds = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(at // 1000))
            out["time"] = f"{seconds}.{at % 1000:03d}Z"
        return out

    def set(self, numbers=(), at=None):
        at = int(time.time() * 1000) if at is None else at
        return {"v": 1, "signed": self.prekey(SIGNED, 1, at), "last": self.prekey(LAST, 2, at),
                "once": [self.prekey(ONCE, number) for number in numbers]}


def ask(person, operation, target, content=None, lane=None):
    content = content if content is None or isinstance(content, bytes) else json.dumps(content).encode()
    return (lane or person.control).ask(operation, content, {"type": "prekeys", "target": target})


def bundles(person, target, lane=None):
    answer = expect_code(ask(person, "GET", target, lane=lane), 200, "GET of prekeys")
    return json.loads(answer.content)


def ready(scene, numbers=(), terminal="phone"):
    """Somebody with a device that has brought these one-time keys: (session, device, set)."""
    alice = scene.person(text=False)
    device = Device(alice.account, terminal)
    expect_code(put(alice, device.visa()), 201, "a visa that names the keys")
    brought = device.set(numbers)
    expect_code(ask(alice, "CREATE", device.id, brought), 201, "a set of prekeys")
    return alice, device, brought


@claim("E01", SECTION, "each one-time prekey is given out once; behind them comes the last-resort key")
def e01(scene):
    alice, device, brought = ready(scene, (7, 8))
    first, second, third = (scene.person() for _ in range(3))
    got = []
    for person, lane in ((first, first.control), (second, second.text), (third, third.control)):
        (bundle,) = bundles(person, alice.account.id, lane)
        expect(bundle["device"] == "phone" and bundle["signed"] == brought["signed"], f"{bundle} is not the device's")
        got.append(bundle.get("once") or bundle.get("last"))
    expect(got[0] == brought["once"][0], f"the first got {got[0]}")
    expect(got[1] == brought["once"][1], f"the second got {got[1]}, and not what nobody had before")
    expect(got[2] == brought["last"], f"the third got {got[2]}")
    with scene.case("the same set again"):
        answer = expect_code(ask(alice, "CREATE", device.id, brought), 201)
        expect((answer.get("count"), answer.get("newest")) == ("0", "8"),
               f"count is {answer.get('count')}, newest {answer.get('newest')}: what was given out is back")
    with scene.case("the own ID takes nothing"):
        expect_code(ask(alice, "CREATE", device.id, device.set((9, 10, 11))), 201)
        for _ in range(2):
            own = bundles(alice, alice.account.id)
            expect([{**row, "time": ""} for row in own] ==
                   [{"device": "phone", "signed": 1, "time": "", "count": 3, "newest": 11}], f"{own} came")
            expect(own[0]["time"] > brought["signed"]["time"], f"{own[0]['time']} is not when the signed prekey was made")
    with scene.case("DELETE"):
        expect_code(ask(alice, "DELETE", alice.account.id), 404, "a device without any")
        expect_code(ask(alice, "DELETE", device.id), 403, "of another device of one's own")
        here, _, _ = ready(scene, (1, 2), "")
        expect_code(ask(here, "DELETE", here.account.id), 204)
        expect(bundles(here, here.account.id)[0]["count"] == 0, "one-time keys are left")
    with scene.case("all devices, one's own too"):
        (bundle,) = bundles(alice, f"{alice.account.id}/*")
        expect(bundle["once"]["id"] == 9, f"{bundle} came")


@claim("E02", SECTION, "somebody gets one one-time prekey of a device a minute, and the last-resort key meanwhile")
def e02(scene):
    alice, _, brought = ready(scene, range(1, 6))
    bob = scene.person(text=False)
    expect("once" in bundles(bob, alice.account.id)[0], "the first time there is no one-time key")
    for session in (bob, scene.person(bob.account, text=False)):
        (bundle,) = bundles(session, alice.account.id)
        expect("once" not in bundle, "a second one-time key within a minute")
        expect(bundle.get("last") == brought["last"], f"{bundle} has no last-resort key")


@claim("E03", SECTION, "prekeys that the device's visa does not prove get 402, malformed ones 401, another's device 403")
def e03(scene):
    alice, device, brought = ready(scene, (1, 2))
    bob = scene.person(text=False)
    stranger = ed25519.Ed25519PrivateKey.generate()
    now = int(time.time() * 1000)

    def with_(**members):
        return {**device.set((3,)), **members}

    for name, content, code in (
            ("a signed prekey of another key", with_(signed=device.prekey(SIGNED, 1, now, stranger)), 402),
            ("a one-time key of another key", with_(once=[device.prekey(ONCE, 3, signer=stranger)]), 402),
            ("a last-resort key in the place of the signed one", with_(signed=device.prekey(LAST, 1, now)), 402),
            ("another edition", with_(v=2), 401), ("no JSON", b"{", 401), ("a list", b"[]", 401), ("nothing", None, 401),
            ("an id twice", with_(once=[device.prekey(ONCE, 3)] * 2), 401),
            ("the id 0", with_(once=[device.prekey(ONCE, 0)]), 401),
            ("from the future", device.set((3,), now + 3_600_000), 401),
            ("an older signed prekey", device.set((3,), now - 3_600_000), 407),
            ("101 one-time keys", with_(once=[device.prekey(ONCE, 3)] * 101), 411)):
        with scene.case(name):
            expect_code(ask(alice, "CREATE", device.id, content), code)
    with scene.case("of another"):
        expect_code(ask(bob, "CREATE", device.id, device.set((3,))), 403)
        expect_code(ask(bob, "DELETE", device.id), 403)
    with scene.case("a device without such a visa"):
        expect_code(ask(alice, "CREATE", f"{alice.account.id}/other", Device(alice.account, "other").set()), 402)
    with scene.case("nobody"):
        expect_code(ask(bob, "GET", scene.account().id), 404)
    expect(bundles(alice, alice.account.id)[0]["newest"] == 2, "something of a set that was refused is stored")
    expect(bundles(bob, alice.account.id)[0]["signed"] == brought["signed"], "the signed prekey is another one")


@claim("E04", SECTION, "prekeys go with their device, and with the keys that signed them")
def e04(scene):
    alice, device, _ = ready(scene, (1, 2))
    bob = scene.person(text=False)
    expect_code(put(alice, Device.visa(device)), 201, "the same keys, signed anew")
    expect(bundles(alice, alice.account.id)[0]["count"] == 2, "they went with a visa that names the same keys")
    other = Device(alice.account)
    other.at = device.at + 10
    expect_code(put(alice, other.visa()), 201, "other keys")
    with scene.case("other keys"):
        expect(bundles(bob, alice.account.id) == [], "prekeys of keys that no visa names")
        expect_code(ask(alice, "CREATE", other.id, other.set((1,))), 201)
        expect("once" in bundles(bob, alice.account.id)[0], "an id that only the device before had is not taken")
    with scene.case("removed"):
        expect_code(put(alice, other.visa(n1=None, key=None, removed=True)), 201)
        expect(bundles(bob, alice.account.id) == [], "prekeys of a removed device")
        expect_code(ask(alice, "CREATE", other.id, other.set((2,))), 402)
