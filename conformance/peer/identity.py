"""docs/protocol/identity.md: keys, IDs, metas, documents; what a client needs to have an identity of its own."""
import hashlib
import json
import os
import struct
import time

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature

from .packets import b64, unb64

ORDER = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141  # of secp256k1
BASE58 = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"


def lp(data):
    return struct.pack(">I", len(data)) + data


def keccak256(data):
    """Keccak-256 as Ethereum uses it: the padding of before FIPS 202, which hashlib does not have."""
    mask = (1 << 64) - 1
    rate = 136
    padded = bytearray(data + b"\x01" + bytes(-(len(data) + 1) % rate))
    padded[-1] |= 0x80
    state = [[0] * 5 for _ in range(5)]

    def turn(value, by):
        return (value << by | value >> (64 - by)) & mask if by else value

    for block in range(0, len(padded), rate):
        for i in range(rate // 8):
            state[i % 5][i // 5] ^= int.from_bytes(padded[block + 8 * i:block + 8 * i + 8], "little")
        register = 1
        for _ in range(24):
            parity = [s[0] ^ s[1] ^ s[2] ^ s[3] ^ s[4] for s in state]
            for x in range(5):
                flip = parity[x - 1] ^ turn(parity[(x + 1) % 5], 1)
                state[x] = [lane ^ flip for lane in state[x]]
            x, y, moved = 1, 0, state[1][0]
            for t in range(24):
                x, y = y, (2 * x + 3 * y) % 5
                moved, state[x][y] = state[x][y], turn(moved, (t + 1) * (t + 2) // 2 % 64)
            for y in range(5):
                row = [state[x][y] for x in range(5)]
                for x in range(5):
                    state[x][y] = row[x] ^ (~row[(x + 1) % 5] & mask & row[(x + 2) % 5])
            for j in range(7):
                if register & 1:
                    state[0][0] ^= 1 << (1 << j) - 1
                register = register << 1 ^ (0x171 if register & 0x80 else 0)
    return b"".join(state[i % 5][i // 5].to_bytes(8, "little") for i in range(4))


def eth_address(point):
    """`point`: X and Y, 64 bytes. With the capitals of EIP-55."""
    text = keccak256(point)[-20:].hex()
    mark = keccak256(text.encode()).hex()
    return "0x" + "".join(c.upper() if int(m, 16) >= 8 else c for c, m in zip(text, mark))


def btc_address(data, network=0):
    body = bytes([network]) + hashlib.new("ripemd160", hashlib.sha256(data).digest()).digest()
    body += hashlib.sha256(hashlib.sha256(body).digest()).digest()[:4]
    number, text = int.from_bytes(body, "big"), ""
    while number:
        number, digit = divmod(number, 58)
        text = BASE58[digit] + text
    return "1" * (len(body) - len(body.lstrip(b"\0"))) + text


def public_pem(key):
    return key.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo).decode()


def point_of(public_key):
    numbers = public_key.public_numbers()
    return numbers.x.to_bytes(32, "big") + numbers.y.to_bytes(32, "big")


def sign(key, data):
    if isinstance(key, rsa.RSAPrivateKey):
        return key.sign(data, padding.PKCS1v15(), hashes.SHA256())
    r, s = decode_dss_signature(key.sign(data, ec.ECDSA(hashes.SHA256())))
    return encode_dss_signature(r, min(s, ORDER - s))  # low S is written


def verifies(pem, data, signature):
    key = serialization.load_pem_public_key(pem.encode())
    try:
        if isinstance(key, rsa.RSAPublicKey):
            key.verify(signature, data, padding.PKCS1v15(), hashes.SHA256())
        else:
            key.verify(signature, data, ec.ECDSA(hashes.SHA256()))
        return True
    except InvalidSignature:
        return False


def ecc_key_json(pem):
    return {"algorithm": "ECC", "data": pem, "curve": "SECP256k1", "digest": "SHA256"}


def rsa_key_json(pem, size=256):
    return {"algorithm": "RSA", "data": pem, "mode": "ECB", "padding": "PKCS1", "digest": "SHA256", "keySize": size}


class Account:
    """A user of type ETH. `message_key` (RSA) decrypts what others send; it may be shared by accounts that only a test has."""

    def __init__(self, message_key, name="conformance", identity_key=None):
        self.key = identity_key or ec.generate_private_key(ec.SECP256K1())
        self.message_key = message_key
        public = self.key.public_key()
        self.id = eth_address(point_of(public))
        self.meta = {"type": "4", "key": ecc_key_json(public_pem(public))}
        self.name = name
        self.visa = self.document()

    @classmethod
    def from_vector(cls, case):
        """An account of vectors/accounts.json."""
        load = serialization.load_pem_private_key
        account = cls(load(case["message_private_key"]["data"].encode(), None), case["id"],
                      load(case["identity_private_key"]["data"].encode(), None))
        account.id, account.meta, account.visa = case["id"], case["meta"], case["visa"]
        return account

    def document(self, kind="visa", at=None, **members):
        """A signed document; `at`: its time in seconds. Members with the value None are left out."""
        at = round(time.time(), 3) if at is None else at
        inside = {"did": self.id, "type": kind, "time": at, "created_time": at, "name": self.name}
        if kind == "visa":
            inside["key"] = rsa_key_json(public_pem(self.message_key.public_key()))
            inside["features"] = ["bind"]
        inside.update(members)
        return self.signed(json.dumps({key: value for key, value in inside.items() if value is not None}), kind)

    def signed(self, data, kind="visa"):
        return {"did": self.id, "type": kind, "data": data, "signature": b64(sign(self.key, data.encode()))}

    def shown(self):
        """The content that shows meta and visa at a log-in."""
        return json.dumps({"meta": self.meta, "visa": self.visa}).encode()


class MkmAccount(Account):
    """A user of type MKM: the address follows from the seed's signature, by a key of any kind."""

    def __init__(self, message_key, key, key_json, seed="conformance", fingerprint=None):
        super().__init__(message_key)
        self.key = key
        mark = fingerprint or sign(key, seed.encode())
        self.id = seed + "@" + btc_address(mark)
        self.meta = {"type": "1", "key": key_json, "seed": seed, "fingerprint": b64(mark)}
        self.visa = self.document()


def makes(meta, station_id):
    """Whether the meta makes that ID (identity.md section 4)."""
    name, at, address = station_id.rpartition("@")
    key = serialization.load_pem_public_key(meta["key"]["data"].encode())
    kind = str(meta["type"])
    if kind == "4":
        return not at and eth_address(point_of(key)) == address
    if kind != "1" or meta.get("seed") != name:
        return False
    mark = unb64(meta["fingerprint"])
    if not verifies(meta["key"]["data"], name.encode(), mark):
        return False
    return any(btc_address(mark, network) == address for network in range(6))


def random_32():
    return os.urandom(32)
