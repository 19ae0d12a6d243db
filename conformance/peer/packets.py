"""docs/protocol/packets.md and responses.md: packets as bytes, and what a station may send."""
import base64
import binascii
import hashlib
import re

EDITION = "dim/2023"
FENCE = b'"""'
OPERATIONS = {"CONNECT", "CREATE", "NOTIFY", "EDIT", "REMOVE", "DELETE", "DESTROY", "GET"}

# responses.md section 3: what a station of this edition sends. A code that is not here is reserved.
CODES = {
    101: "Switching_Protocols", 200: "Okay", 201: "Created", 202: "Accepted", 204: "No_Content", 205: "Reset_Content",
    206: "Partial_Content",
    300: "Security_Error", 303: "Better_Encryption_Required", 401: "Bad_Request", 402: "Unauthorised",
    403: "Forbidden", 404: "Not_Found", 405: "Method_Not_Allowed", 407: "Conflict", 410: "Gone", 411: "Payload_Too_Large",
    412: "Uri_Too_Long", 413: "Too_Early", 416: "Too_Many_Requests", 417: "Wrong_Instance", 418: "Token_Required",
    419: "Token_Invalid", 500: "Internal_Server_Error", 501: "Not_Implemented", 503: "Service_Unavailable",
    505: "Dim_Edition_Not_Supported", 506: "Insufficient_Storage", 510: "Site_Overloaded",
    511: "Request_Timeout",
}

KEY = re.compile(r"[a-z][a-z0-9-]*")
UNSAFE = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ufeff]")
LIMIT = {8800: 64 * 1024, 8801: 1024 * 1024}


class Broken(Exception):
    """The other side has sent what is no packet. `section` is where that is said."""

    def __init__(self, what, section="packets.md#1-grammar"):
        super().__init__(what)
        self.section = section


def b64(data):
    return base64.b64encode(data).decode()


def unb64(text):
    return base64.b64decode(text, validate=True)


def crc32c(data):
    """CRC-32C (Castagnoli), reflected, 4 bytes big endian."""
    value = 0xFFFFFFFF
    for byte in data:
        value ^= byte
        for _ in range(8):
            value = value >> 1 ^ (0x82F63B78 if value & 1 else 0)
    return (value ^ 0xFFFFFFFF).to_bytes(4, "big")


def checksum(content, algorithm="sha256"):
    return f"{algorithm}-" + b64(hashlib.sha256(content).digest() if algorithm == "sha256" else crc32c(content))


class Packet:
    """`header` maps keys to values in their order; `content` is bytes, or None where there is none. `asked`: operation and
    type of the request that a response answers, where that is known."""

    def __init__(self, header, content=None):
        self.header, self.content, self.asked = header, content, None

    def __getitem__(self, key):
        return self.header[key]

    def get(self, key, default=None):
        return self.header.get(key, default)

    @property
    def code(self):
        return int(self.header["code"]) if "code" in self.header else None

    def __str__(self):
        first = f"{self.header['code']} {self.get('status', '')}" if self.code else self.get("operation")
        rest = ", ".join(f"{key}: {value[:60]}" for key, value in self.header.items()
                         if key not in ("version", "code", "status", "operation"))
        return f"{first} ({rest}{'' if self.content is None else f', {len(self.content)} bytes'})"


def write(operation, content=None, fields=(), checksums=("sha256",), length=True, eol="\n"):
    """The bytes of a request. `fields`: a mapping, or pairs where a key is to stand twice; `checksums`: algorithms, or
    the whole value as text; `length`: whether the content is counted, or a value to write instead."""
    lines = [f"version: {EDITION}", f"operation: {operation}"]
    lines += [f"{key}: {value}" for key, value in (fields.items() if isinstance(fields, dict) else fields)]
    tail = b""
    if content is not None:
        if length is not False:
            lines.append(f"length: {len(content) if length is True else length}")
        if isinstance(checksums, str):
            lines.append(f"checksum: {checksums}")
        elif checksums:
            made = [checksum(content, algorithm) for algorithm in checksums]
            lines.append("checksum: " + (made[0] if len(made) == 1 else "[" + ", ".join(made) + "]"))
        lines.append("content: |")
        tail = FENCE + eol.encode() + content + eol.encode() + FENCE + eol.encode()
    return (eol.join(lines) + eol).encode() + tail + eol.encode()


class Reader:
    """Cuts the bytes of a station into packets, as strictly as packets.md says that they are written."""

    def __init__(self):
        self.buffer = b""
        self.most = max(LIMIT.values())

    def feed(self, data):
        self.buffer += data

    def next(self):
        """A Packet, or None while more bytes are needed. Raises Broken."""
        content_at = self.buffer.find(b'\ncontent: |\n"""\n')
        end = self.buffer.find(b"\n\n")
        if content_at < 0 or (0 <= end < content_at):
            if end < 0:
                if len(self.buffer) > 16 * 1024:
                    raise Broken("a header over 16 KiB")
                return None
            header = self._header(self.buffer[:end])
            if "length" in header or "checksum" in header:
                raise Broken("length or checksum without a content")
            self.buffer = self.buffer[end + 2:]
            return self._checked(Packet(header))
        header = self._header(self.buffer[:content_at])
        if not re.fullmatch(r"0|[1-9]\d{0,18}", header.get("length", "")):
            raise Broken("programs send length with a content", "packets.md#3-content")
        size, start = int(header["length"]), content_at + len(b'\ncontent: |\n"""\n')
        if size > self.most:
            raise Broken(f"a content of {size} bytes", "limits.md#2-packets")
        closing = b'\n"""\n\n'
        if len(self.buffer) < start + size + len(closing):
            return None
        content = self.buffer[start:start + size]
        if self.buffer[start + size:start + size + len(closing)] != closing:
            raise Broken("length and the closing fence disagree", "packets.md#3-content")
        self.buffer = self.buffer[start + size + len(closing):]
        self._check_sums(header, content)
        return self._checked(Packet(header, content))

    @staticmethod
    def _header(data):
        try:
            lines = data.decode("utf-8").split("\n")
        except UnicodeDecodeError as error:
            raise Broken(f"a header that is not UTF-8: {error}") from None
        header = {}
        for line in lines:
            key, found, value = line.partition(": ")
            if not found or not KEY.fullmatch(key) or not value or value != value.strip(" ") or UNSAFE.search(value):
                raise Broken(f"the header line {line[:80]!r}")
            if key in header:
                raise Broken(f"{key} stands twice")
            header[key] = value
        keys = list(header)
        if header.get("version") != EDITION or keys[0] != "version":
            raise Broken(f"version: {EDITION} is not the first line")
        if len(keys) < 2 or keys[1] not in ("operation", "code"):
            raise Broken("the second line is neither operation nor code")
        if len(keys) > 64:
            raise Broken("more than 64 lines in a header")
        return header

    @staticmethod
    def _check_sums(header, content):
        named = header.get("checksum", "")
        items = [item.strip(" ") for item in named[1:-1].split(",")] if named.startswith("[") else [named]
        for item in items:
            algorithm = item.partition("-")[0]
            if algorithm not in ("sha256", "crc32c"):
                raise Broken(f"the checksum {item!r}", "packets.md#4-checksums")
            if item != checksum(content, algorithm):
                raise Broken(f"a {algorithm} that is not that of the content", "packets.md#4-checksums")

    @staticmethod
    def _checked(packet):
        if "code" in packet.header:
            if not re.fullmatch(r"[1-5]\d\d", packet["code"]):
                raise Broken(f"the code {packet['code']!r}", "packets.md#2-keys-of-every-packet")
            code = packet.code
            if code not in CODES:
                raise Broken(f"{code}, which this edition does not send", "responses.md#3-the-codes")
            if packet.get("status") != CODES[code]:
                raise Broken(f"{code} is {CODES[code]}, not {packet.get('status')}", "responses.md#3-the-codes")
            if code >= 300 and code != 418 and "message" not in packet.header:
                raise Broken(f"{code} without message", "responses.md#1-form")
            if code == 416 and not re.fullmatch(r"[1-9]\d*", packet.get("retry-after", "")):
                raise Broken(f"416 with retry-after {packet.get('retry-after')!r}", "responses.md#1-form")
        elif packet["operation"] not in OPERATIONS:
            raise Broken(f"the operation {packet['operation']!r}")
        elif "id" in packet.header:
            raise Broken("a push with an id", "operations.md#3-pushes")
        return packet


def is_base64(text, size):
    try:
        return len(unb64(text)) == size
    except (binascii.Error, ValueError, TypeError):
        return False
