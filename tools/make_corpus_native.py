#!/usr/bin/env python3
"""Seeds of the native fuzzer, from the known answers in dim/native/vectors. The first byte chooses what is read."""
import json
import pathlib
import struct

ROOT = pathlib.Path(__file__).resolve().parent.parent
KNOWN = json.loads((ROOT / "dim/native/vectors/native.json").read_text(encoding="utf-8"))


def put(name, data):
    folder = ROOT / "fuzz/corpus/native"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_bytes(data)


def session_bytes(first, sending, receiving, skipped):
    flags = (1 if first else 0) | 2 | (4 if sending else 0) | (8 if receiving else 0)
    out = b"\x01" + bytes([1]) * 32 + bytes([2]) * 32 + bytes([3]) * 32 + bytes([flags])
    if first:
        out += bytes([3]) * 32 + bytes([4]) * 32 + struct.pack(">QQIBI", 3, 12, 7, 2, 9)
    out += bytes([5]) * 32 + bytes([6]) * 32 + bytes([9]) + bytes(31)
    out += bytes([7]) * 32 * (1 if sending else 0) + bytes([8]) * 32 * (1 if receiving else 0)
    out += struct.pack(">IIII", 2, 5 if receiving else 0, 1, len(skipped))
    for number in skipped:
        out += bytes([9]) + bytes(31) + struct.pack(">IQ", number, 1_790_000_000_000) + bytes([number]) * 32
    return out


def main():
    devices, sessions = KNOWN["devices"], KNOWN["sessions"]
    put("property", b"\x00" + json.dumps(devices["alice"]["property"]).encode())
    put("property-more", b"\x00" + json.dumps(devices["bob"]["property"] | {"features": ["n1", "n1g", "bind"], "added": 7}).encode())
    once, last = sessions[0]["bundle"], sessions[1]["bundle"]
    put("set", b"\x01" + json.dumps({"v": 1, "signed": once["signed"], "last": last["last"], "once": [once["once"]]}).encode())
    put("set-bare", b"\x01" + json.dumps({"v": 1, "signed": once["signed"], "last": last["last"]}).encode())
    for number, session in enumerate(sessions):
        put(f"bundle-{number}", b"\x02" + json.dumps(session["bundle"]).encode())
        put(f"frame-{number}", b"\x05" + bytes.fromhex(session["steps"][0]["frame_hex"]))
    put("frame-answer", b"\x05" + bytes.fromhex(sessions[0]["steps"][2]["frame_hex"]))
    begun = session_bytes(True, True, False, [])
    turning = session_bytes(False, False, True, [])
    late = session_bytes(False, True, True, [1, 3])
    for name, data in (("begun", begun), ("turning", turning), ("late", late)):
        put(f"session-{name}", b"\x03" + data)
    put("sessions", b"\x04\x01\x02" + b"".join(struct.pack(">I", len(one)) + one for one in (late, begun)))
    put("prekey-secret", b"\x04\x01\x02" + struct.pack(">IQ", 9, 1_790_000_000_000) + bytes(range(32)))
    put("device-keys", b"\x04\x01" + bytes(range(64)))
    message = KNOWN["messages"][0]
    put("payload", b"\x06" + bytes.fromhex(message["note_hex"] + message["data_hex"]))
    put("talk", b"\x07" + bytes([0, 0, 8, 0, 0, 1, 8, 0, 0, 0, 0, 0, 8, 1, 8, 0, 0, 1, 8, 0]))
    put("talk-both-begin", b"\x07" + bytes([0, 0, 0, 1, 0, 0, 0, 1, 8, 1, 8, 0, 8, 1, 8, 0, 0, 0, 8, 0, 0, 1, 8, 0]))
    put("talk-late-lost-forged", b"\x07" + bytes([0, 0, 0, 0, 0, 0, 6, 0, 5, 1, 8, 1, 7, 31, 8, 0, 3, 1, 2, 0, 0, 0, 8, 0, 4, 0, 0, 0, 8, 0]))
    put("talk-three", b"\x07" + bytes(byte for n in range(60) for byte in (n * 7 % 10, n * 11 % 251)))


if __name__ == "__main__":
    main()
