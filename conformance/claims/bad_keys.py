"""Public keys that identity.md section 3 refuses, written by hand, because no library makes them."""
import base64
import secrets

from peer.identity import eth_address, keccak256

P = 2**256 - 2**32 - 977  # the field of secp256k1
RSA_OID = bytes.fromhex("06092a864886f70d0101010500")
ECC_OIDS = bytes.fromhex("06072a8648ce3d020106052b8104000a")


def der(tag, body):
    size = len(body)
    head = bytes([size]) if size < 128 else bytes([0x80 | (size.bit_length() + 7) // 8]) + size.to_bytes(
        (size.bit_length() + 7) // 8, "big")
    return bytes([tag]) + head + body


def number(value):
    return der(2, value.to_bytes(value.bit_length() // 8 + 1, "big"))


def pem(algorithm, key):
    text = base64.b64encode(der(0x30, der(0x30, algorithm) + der(3, b"\0" + key))).decode()
    rows = "\n".join(text[i:i + 64] for i in range(0, len(text), 64))
    return f"-----BEGIN PUBLIC KEY-----\n{rows}\n-----END PUBLIC KEY-----\n"


def rsa_pem(n, e):
    return pem(RSA_OID, der(0x30, number(n) + number(e)))


def odd(bits):
    """An odd number of so many bits without small factors, like a modulus."""
    small = [p for p in range(3, 65536, 2) if all(p % q for q in range(3, int(p**0.5) + 1, 2))]
    while True:
        n = secrets.randbits(bits) | 1 << (bits - 1) | 1
        if all(n % p for p in small):
            return n


def bad_rsa_keys():
    """(what is wrong, PEM)"""
    n = odd(2048)
    return [("e = 1", rsa_pem(n, 1)), ("e even", rsa_pem(n, 65536)), ("e = 65539", rsa_pem(n, 65539)),
            ("e of 1,023 bits", rsa_pem(n, odd(1023))), ("512 bits", rsa_pem(odd(512), 65537)),
            ("16,385 bits", rsa_pem(secrets.randbits(16385) | 1 << 16384 | 1, 65537)), ("n even", rsa_pem(n - 1, 65537)),
            ("n divisible by 7", rsa_pem(7 * odd(2045), 65537))]


def bad_ec_keys():
    """(what is wrong, ID that would follow from it, PEM)"""
    def of(point):
        return eth_address(point), pem(ECC_OIDS, b"\4" + point)
    x = secrets.randbelow(P)
    while pow(x**3 + 7, (P - 1) // 2, P) == 1:
        x = secrets.randbelow(P)
    return [("no point of the curve", *of(x.to_bytes(32, "big") + (1).to_bytes(32, "big"))),
            ("a coordinate beyond the field", *of((P + 1).to_bytes(32, "big") + (2).to_bytes(32, "big"))),
            ("zero", *of(bytes(64))),
            ("infinity", eth_address(keccak256(b"infinity") * 2), pem(ECC_OIDS, b"\0"))]
