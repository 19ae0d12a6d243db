"""docs/protocol/messages.md: sealing, opening, the hash."""
import hashlib
import json
import secrets
import time

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.padding import PKCS7

from .identity import lp, sign, verifies
from .packets import b64, unb64


def encrypted(plain, key, iv, visa_key):
    """`plain` under the AES key, and that key under `visa_key`, the PEM text of the receiver's."""
    padder, cipher = PKCS7(128).padder(), Cipher(algorithms.AES(key), modes.CBC(iv)).encryptor()
    data = cipher.update(padder.update(plain) + padder.finalize()) + cipher.finalize()
    return data, serialization.load_pem_public_key(visa_key.encode()).encrypt(
        ('{"algorithm": "AES", "data": "' + b64(key) + '"}').encode(), padding.PKCS1v15())


def seal(account, receiver, visa_key, text, seq=1, prev="", size=320, key=None):
    """A signed message as a JSON object; `visa_key` is the PEM text of the receiver's; at least `size` bytes are
    encrypted, under the AES key `key` (None: a new one)."""
    now = round(time.time(), 3)
    content = {"type": 1, "sn": secrets.randbelow(2**31 - 1) + 1, "time": now, "text": text,
               "bind": {"v": 1, "from": account.id, "to": receiver, "time": now}, "seq": seq, "prev": prev}
    plain = b" " * 16 + json.dumps(content).encode()
    while size < len(plain):
        size *= 2
    iv = secrets.token_bytes(16)
    data, wrapped = encrypted(plain.ljust(size), key or secrets.token_bytes(32), iv, visa_key)
    return {"sender": account.id, "receiver": receiver, "time": now, "type": "1", "IV": b64(iv), "data": b64(data),
            "keys": {receiver: b64(wrapped)}, "signature": b64(sign(account.key, data))}


def login_record(account, station, at=None):
    """Where `account` is, as a plain signed message to everybody. `at`: its time in seconds."""
    now = round(time.time(), 3) if at is None else at
    data = json.dumps({"type": 136, "sn": secrets.randbelow(2**31 - 1) + 1, "time": now, "command": "login",
                       "did": account.id, "agent": "conformance", "station": {"did": station}})
    return {"sender": account.id, "receiver": "everyone@everywhere", "time": now, "type": "136", "data": data,
            "signature": b64(sign(account.key, data.encode()))}


def decrypted(account, message):
    """The content of a message to `account`, whoever wrote it."""
    wrapped = message.get("key") or message["keys"][account.id]
    key = json.loads(account.message_key.decrypt(unb64(wrapped), padding.PKCS1v15()))
    cipher = Cipher(algorithms.AES(unb64(key["data"])), modes.CBC(unb64(message["IV"]))).decryptor()
    unpadder = PKCS7(128).unpadder()
    plain = cipher.update(unb64(message["data"])) + cipher.finalize()
    return json.loads(unpadder.update(plain) + unpadder.finalize())


def open_letter(account, message, sender, sender_key):
    """The content. Raises ValueError when it is not what `sender` wrote to `account`."""
    data = unb64(message["data"])
    if message["sender"] != sender or not verifies(sender_key, data, unb64(message["signature"])):
        raise ValueError("the signature is not the sender's")
    content = decrypted(account, message)
    bind = content["bind"]
    if (bind["v"], bind["from"], bind["to"]) != (1, sender, account.id):
        raise ValueError("bind names others")
    return content


def message_hash(message):
    return hashlib.sha256(lp(message["sender"].encode()) + lp(unb64(message["data"])) +
                          lp(message["receiver"].encode())).digest()
