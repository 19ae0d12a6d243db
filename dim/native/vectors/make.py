#!/usr/bin/env python3
"""Makes native.json: known answers for the suite N1, from docs/protocol/native.md alone.

A second implementation that shares no line with dim/native and no library either: X25519 (RFC 7748), Ed25519 (RFC 8032),
ChaCha20-Poly1305 (RFC 8439) and HChaCha20 are written out here after their documents, slowly and not in constant time.
Nothing here is for anything but vectors.

usage: make.py            prints the file
       make.py --check    exit 1 when native.json beside this script is another
"""
import base64
import datetime
import hashlib
import hmac
import json
import struct
import sys
from pathlib import Path

P = 2 ** 255 - 19
ORDER = 2 ** 252 + 27742317777372353535851937790883648493


# ---- RFC 7748 ----
def x25519(scalar, point):
    k = int.from_bytes(scalar, "little") & ~7 & ~(1 << 255) | 1 << 254
    x1 = int.from_bytes(point, "little") & (1 << 255) - 1
    x2, z2, x3, z3 = 1, 0, x1, 1
    for t in reversed(range(255)):
        bit = k >> t & 1
        if bit:
            x2, x3, z2, z3 = x3, x2, z3, z2
        a, b, c, d = x2 + z2, x2 - z2, x3 + z3, x3 - z3
        da, cb, aa, bb = d * a % P, c * b % P, a * a % P, b * b % P
        e = aa - bb
        x3, z3 = (da + cb) ** 2 % P, x1 * (da - cb) ** 2 % P
        x2, z2 = aa * bb % P, e * (aa + 121665 * e) % P
        if bit:
            x2, x3, z2, z3 = x3, x2, z3, z2
    return (x2 * pow(z2, P - 2, P) % P).to_bytes(32, "little")


def agreement_public(secret):
    return x25519(secret, b"\x09" + bytes(31))


# ---- RFC 8032 ----
D = -121665 * pow(121666, P - 2, P) % P


def edwards_add(p, q):
    (x1, y1), (x2, y2) = p, q
    k = D * x1 * x2 * y1 * y2 % P
    return ((x1 * y2 + x2 * y1) * pow(1 + k, P - 2, P) % P, (y1 * y2 + x1 * x2) * pow(1 - k, P - 2, P) % P)


def edwards_multiply(n, p):
    out = (0, 1)
    while n:
        if n & 1:
            out = edwards_add(out, p)
        p = edwards_add(p, p)
        n >>= 1
    return out


def base_point():
    y = 4 * pow(5, P - 2, P) % P
    xx = (y * y - 1) * pow(D * y * y + 1, P - 2, P) % P
    x = pow(xx, (P + 3) // 8, P)
    if x * x % P != xx:
        x = x * pow(2, (P - 1) // 4, P) % P
    return (x if x % 2 == 0 else P - x, y)


BASE = base_point()


def encode_point(p):
    return (p[1] | (p[0] & 1) << 255).to_bytes(32, "little")


def expand_seed(seed):
    h = hashlib.sha512(seed).digest()
    return int.from_bytes(h[:32], "little") & ~7 & ~(1 << 255) | 1 << 254, h[32:]


def signing_public(seed):
    return encode_point(edwards_multiply(expand_seed(seed)[0] % ORDER, BASE))


def sign(seed, message):
    a, prefix = expand_seed(seed)
    number = lambda *parts: int.from_bytes(hashlib.sha512(b"".join(parts)).digest(), "little") % ORDER
    r = number(prefix, message)
    point = encode_point(edwards_multiply(r, BASE))
    return point + ((r + number(point, signing_public(seed), message) * a) % ORDER).to_bytes(32, "little")


# ---- RFC 8439, draft-irtf-cfrg-xchacha ----
def rotl(x, n):
    return (x << n | x >> 32 - n) & 0xFFFFFFFF


def chacha_rounds(state):
    s = list(state)

    def quarter(a, b, c, d):
        for left, right, turned, by in ((a, b, d, 16), (c, d, b, 12), (a, b, d, 8), (c, d, b, 7)):
            s[left] = (s[left] + s[right]) & 0xFFFFFFFF
            s[turned] = rotl(s[turned] ^ s[left], by)

    for _ in range(10):
        for i in range(4):
            quarter(i, 4 + i, 8 + i, 12 + i)
        for i in range(4):
            quarter(i, 4 + (i + 1) % 4, 8 + (i + 2) % 4, 12 + (i + 3) % 4)
    return s


def chacha_state(key, rest):
    return list(struct.unpack("<4I", b"expand 32-byte k") + struct.unpack("<8I", key) + struct.unpack("<4I", rest))


def hchacha20(key, nonce16):
    s = chacha_rounds(chacha_state(key, nonce16))
    return struct.pack("<8I", *(s[:4] + s[12:]))


def chacha20(key, nonce12, counter, text):
    out = bytearray()
    for at in range(0, len(text), 64):
        state = chacha_state(key, struct.pack("<I", counter + at // 64) + nonce12)
        stream = struct.pack("<16I", *((a + b) & 0xFFFFFFFF for a, b in zip(state, chacha_rounds(state))))
        out += bytes(a ^ b for a, b in zip(text[at:at + 64], stream))
    return bytes(out)


def poly1305(key, text):
    r = int.from_bytes(key[:16], "little") & 0x0FFFFFFC0FFFFFFC0FFFFFFC0FFFFFFF
    total = 0
    for at in range(0, len(text), 16):
        total = (total + int.from_bytes(text[at:at + 16] + b"\x01", "little")) * r % (2 ** 130 - 5)
    return ((total + int.from_bytes(key[16:], "little")) % 2 ** 128).to_bytes(16, "little")


def xchacha_seal(key, nonce24, ad, text):
    subkey, nonce12 = hchacha20(key, nonce24[:16]), bytes(4) + nonce24[16:]
    sealed = chacha20(subkey, nonce12, 1, text)
    padded = lambda b: b + bytes(-len(b) % 16)
    mac = poly1305(chacha20(subkey, nonce12, 0, bytes(32)),
                   padded(ad) + padded(sealed) + struct.pack("<QQ", len(ad), len(sealed)))
    return sealed + mac


# ---- RFC 5869 ----
def hmac256(key, data):
    return hmac.new(key, data, hashlib.sha256).digest()


def hkdf(ikm, salt, info, size):
    prk, out, block, n = hmac256(salt or bytes(32), ikm), b"", b"", 0
    while len(out) < size:
        n += 1
        block = hmac256(prk, block + info + bytes([n]))
        out += block
    return out[:size]


# ---- docs/protocol/native.md ----
def lp(data):
    data = data.encode() if isinstance(data, str) else data
    return struct.pack(">I", len(data)) + data


def sha256(data):
    return hashlib.sha256(data).digest()


def time_text(ms):
    seconds = datetime.datetime.fromtimestamp(ms // 1000, datetime.timezone.utc)
    return seconds.strftime("%Y-%m-%dT%H:%M:%S") + f".{ms % 1000:03d}Z"


def b64(data):
    return base64.b64encode(data).decode()


class Device:
    def __init__(self, name, user, terminal, rev):
        self.name, self.user, self.terminal, self.rev = name, user, terminal, rev
        self.seed, self.dh = sha256(f"{name} sig".encode()), sha256(f"{name} dh".encode())
        self.meta = sha256(f"{name} meta".encode())
        self.sig_public, self.dh_public = signing_public(self.seed), agreement_public(self.dh)
        self.hash = sha256(b"dim/2023 n1 device\0" + self.sig_public + self.dh_public)

    def device(self):
        return self.user + ("/" + self.terminal if self.terminal else "")

    def block(self):
        return lp(self.user) + lp(self.terminal) + self.meta + self.hash + struct.pack(">Q", self.rev)

    def property(self):
        return {"v": 1, "sig": b64(self.sig_public), "dh": b64(self.dh_public), "features": ["n1"]}

    def sign_prekey(self, kind, number, ms, public):
        return sign(self.seed, b"dim/2023 n1 prekey\0" + bytes([kind]) + lp(self.device()) +
                    struct.pack(">IQ", number, ms) + public)

    def json(self):
        return {"user": self.user, "terminal": self.terminal, "rev": self.rev, "meta_hex": self.meta.hex(),
                "sig_seed_hex": self.seed.hex(), "dh_secret_hex": self.dh.hex(), "property": self.property(),
                "key_hash_hex": self.hash.hex(), "block_hex": self.block().hex()}


def root_step(root, output):
    both = hkdf(output, root, b"dim/2023 n1 root", 64)
    return both[:32], both[32:]


class Side:
    """One end of a session after the specification of the Double Ratchet, with its names."""

    def __init__(self, ad, root, pair, theirs, sending, first):
        self.ad, self.root, self.pair, self.theirs, self.sending, self.first = ad, root, pair, theirs, sending, first
        self.ns = self.pn = 0

    def seal(self, text, ad, fresh):
        """`fresh`: the secret of the next ratchet pair, where one is due."""
        drawn = b""
        if self.sending is None:
            drawn, self.pair = fresh, fresh
            self.root, self.sending = root_step(self.root, x25519(self.pair, self.theirs))
            self.pn, self.ns = self.ns, 0
        key = hmac256(self.sending, b"\x01")
        self.sending = hmac256(self.sending, b"\x02")
        keys = hkdf(key, sha256(ad), b"dim/2023 n1 message", 88)
        head = b"\x10" + keys[56:] + (b"\x01" + self.first if self.first else b"\x00")
        head += agreement_public(self.pair) + struct.pack(">II", self.pn, self.ns)
        self.ns += 1
        return head + xchacha_seal(keys[:32], keys[32:56], self.ad + head + lp(ad), text), drawn, key

    def heard(self, theirs):
        """A frame with a new ratchet key was opened."""
        self.root, _ = root_step(self.root, x25519(self.pair, theirs))
        self.theirs, self.sending, self.first = theirs, None, b""


def session(a, b, bundle_kind):
    """Keys, handshake and a conversation in which both sides turn the ratchet twice."""
    name = f"{a.name} {b.name} {bundle_kind}"
    made = lambda what: sha256(f"{name} {what}".encode())
    ms = 1_790_000_000_000
    prekeys = {"signed": (1, 7, made("signed"))}
    if bundle_kind != "none":
        prekeys[bundle_kind] = ({"once": 2, "last": 3}[bundle_kind], 9, made(bundle_kind))
    bundle, secrets = {"v": 1}, []
    if b.terminal:
        bundle["device"] = b.terminal
    for word, (kind, number, secret) in prekeys.items():
        public = agreement_public(secret)
        entry = {"id": number, "key": b64(public)}
        if kind != 2:
            entry["time"] = time_text(ms)
        entry["signature"] = b64(b.sign_prekey(kind, number, 0 if kind == 2 else ms, public))
        bundle[word] = entry
        secrets.append({"kind": kind, "id": number, "time": ms, "secret_hex": secret.hex()})

    ephemeral, ratchet, signed = made("ephemeral"), made("ratchet"), prekeys["signed"][2]
    second = list(prekeys.values())[1] if len(prekeys) > 1 else (0, 0, b"")
    outputs = [x25519(a.dh, agreement_public(signed)), x25519(ephemeral, b.dh_public),
               x25519(ephemeral, agreement_public(signed))]
    if second[0]:
        outputs.append(x25519(ephemeral, agreement_public(second[2])))
    secret = hkdf(b"\xff" * 32 + b"".join(outputs), bytes(32), b"dim/2023 n1 x3dh", 32)
    ad = sha256(b"dim/2023 n1 session\0" + b"\x10" + lp(a.block()) + lp(b.block()))
    first = agreement_public(ephemeral) + a.hash + struct.pack(">QQIBI", a.rev, b.rev, 7, second[0], second[1])
    root, chain = root_step(secret, x25519(ratchet, agreement_public(signed)))
    sides = {"a": Side(ad, root, ratchet, agreement_public(signed), chain, first), "b": Side(ad, secret, signed, None, None, b"")}

    steps, mute = [], {"a": None, "b": None}
    plan = ["a", "a", "b", "a", "a", "b", "b", "a"]
    for n, by in enumerate(plan):
        other = "b" if by == "a" else "a"
        if mute[by] is not None:  # the other's last key, heard before this is sent
            sides[by].heard(mute[by])
            mute[by] = None
        text, envelope = f"{name}: message {n}".encode(), f"envelope {n}".encode()
        frame, drawn, key = sides[by].seal(text, envelope, made(f"turn {n}"))
        if n == 0 or plan[n - 1] != by:
            mute[other] = agreement_public(sides[by].pair)
        steps.append({"by": by, "plaintext_hex": text.hex(), "ad_hex": envelope.hex(), "random_hex": drawn.hex(),
                      "message_key_hex": key.hex(), "frame_hex": frame.hex()})
    return {"name": name, "initiator": a.name, "responder": b.name, "bundle": bundle, "prekeys": secrets,
            "random_hex": (ephemeral + ratchet).hex(), "secret_hex": secret.hex(), "root_hex": root.hex(),
            "chain_hex": chain.hex(), "ad_hex": ad.hex(), "steps": steps}


def message(a, target, steps):
    fields = lambda context: (context + lp(a.user) + lp(a.terminal) + lp(target) + lp(struct.pack(">Q", 1_790_000_000_125)) +
                              lp("0190b5c3a1f27e0c8b6d4f5a6b7c8d9e") + lp("1") + lp(a.hash))
    ad = fields(b"dim/2023 n1 message\0")
    content_key, text = sha256(b"content key"), '{"type":1,"sn":7,"text":"Hello"}'.encode()
    keys = hkdf(content_key, b"", b"dim/2023 n1 payload", 88)
    head = b"\x10" + keys[56:]
    data = head + xchacha_seal(keys[:32], keys[32:56], head + lp(ad), text)
    frames = [(target, bytes.fromhex(steps[0]["frame_hex"])), (a.user + "/tablet", bytes.fromhex(steps[1]["frame_hex"]))]
    canonical = b"".join(lp(name) + lp(frame) for name, frame in sorted(frames))
    signed = fields(b"dim/2023 n1 envelope\0") + sha256(data) + sha256(canonical)
    return {"sender": a.name, "target": target, "time": 1_790_000_000_125, "guid": "0190b5c3a1f27e0c8b6d4f5a6b7c8d9e", "type": "1",
            "ad_hex": ad.hex(), "plaintext_hex": text.hex(), "content_key_hex": content_key.hex(), "data_hex": data.hex(),
            "note_hex": (content_key + sha256(data)).hex(),
            "keys": [{"name": name, "frame_hex": frame.hex()} for name, frame in frames],
            "signing_input_hex": signed.hex(), "signature_hex": sign(a.seed, signed).hex()}


def check_primitives():
    """The written-out primitives against one vector of each of their documents."""
    unhex = bytes.fromhex
    assert x25519(unhex("a546e36bf0527c9d3b16154b82465edd62144c0ac1fc5a18506a2244ba449ac4"),
                  unhex("e6db6867583030db3594c1a424b15f7c726624ec26b3353b10a903a6d0ab1c4c")).hex() == \
        "c3da55379de9c6908e94ea4df28d084f32eccf03491c71f754b4075577a28552"
    assert sign(unhex("4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb"), b"\x72").hex() == \
        "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00"
    assert hkdf(b"\x0b" * 22, bytes(range(13)), bytes(range(0xF0, 0xFA)), 42).hex() == \
        "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865"
    text = (b"Ladies and Gentlemen of the class of '99: If I could offer you only one tip for the future, "
            b"sunscreen would be it.")
    assert xchacha_seal(bytes(range(0x80, 0xA0)), bytes(range(0x40, 0x58)), unhex("50515253c0c1c2c3c4c5c6c7"), text)[-16:].hex() == \
        "c0875924c1c7987947deafd8780acf49"


def main():
    check_primitives()
    alice = Device("alice", "0x21e27549d780db2a32058bD960A6245b01Ad85FF", "phone", 3)
    bob = Device("bob", "0x95E6F72fB194200e95b60332E8142DDF41C7c333", "", 12)
    sessions = [session(alice, bob, "once"), session(bob, alice, "last"), session(alice, bob, "none")]
    content = {"category": "native", "set": "public", "suite": 16, "devices": {d.name: d.json() for d in (alice, bob)},
               "sessions": sessions, "messages": [message(alice, bob.user, sessions[0]["steps"])]}
    text = json.dumps(content, indent=1) + "\n"
    if sys.argv[1:] == ["--check"]:
        if text != Path(__file__).with_name("native.json").read_text(encoding="utf-8"):
            print("native.json is not what make.py makes")
            return 1
        print("native.json is what make.py makes")
        return 0
    sys.stdout.write(text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
