#!/usr/bin/env python3
"""Files through a station, beside a bare copy over TLS of the same run.

Both read a file, send it over TLS 1.3 on [::1] and write a file that is on the disk at the end. `dim` encrypts it besides,
hashes it, and has each piece acknowledged from the disk; the copy does nothing of that. usage: media.py [--mib N] [--quick]
"""
import argparse
import datetime
import multiprocessing
import os
import resource
import socket
import ssl
import statistics
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests" / "e2e"))
sys.dont_write_bytecode = True

import harness  # noqa: E402
from cryptography import x509  # noqa: E402
from cryptography.hazmat.primitives import hashes, serialization  # noqa: E402
from cryptography.hazmat.primitives.asymmetric import ec  # noqa: E402

MIB = 1024 * 1024
PIECE = 256 * 1024  # as `dim` sends them


def certificate(folder):
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.oid.NameOID.COMMON_NAME, "copy")])
    now = datetime.datetime.now(datetime.timezone.utc)
    made = (x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
            .serial_number(1).not_valid_before(now - datetime.timedelta(days=1))
            .not_valid_after(now + datetime.timedelta(days=1)).sign(key, hashes.SHA256()))
    path = os.path.join(folder, "copy.pem")
    with open(path, "wb") as file:
        file.write(key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8,
                                     serialization.NoEncryption()))
        file.write(made.public_bytes(serialization.Encoding.PEM))
    return path


def receive(listener, pem, path, size):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.load_cert_chain(pem)
    connection, _ = listener.accept()
    buffer = memoryview(bytearray(PIECE))
    with context.wrap_socket(connection, server_side=True) as stream, open(path, "wb", buffering=0) as file:
        left = size
        while left:
            got = stream.recv_into(buffer)
            file.write(buffer[:got])
            left -= got
        os.fdatasync(file.fileno())
        stream.sendall(b"!")


def tls_copy(folder, pem, path):
    """Seconds that a bare copy of `path` takes."""
    size = os.path.getsize(path)
    listener = socket.create_server(("::1", 0), family=socket.AF_INET6)
    to = os.path.join(folder, "tls-copy")
    child = multiprocessing.get_context("fork").Process(target=receive, args=(listener, pem, to, size))
    child.start()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    begin = time.monotonic()
    buffer = memoryview(bytearray(PIECE))
    with context.wrap_socket(socket.create_connection(listener.getsockname()[:2])) as stream, \
            open(path, "rb", buffering=0) as file:
        while got := file.readinto(buffer):
            stream.sendall(buffer[:got])
        assert stream.recv(1) == b"!"
    took = time.monotonic() - begin
    child.join()
    listener.close()
    os.unlink(to)
    return took


def size_of(folder):
    """Bytes of its files."""
    out = 0
    with os.scandir(folder) as files:
        for file in files:
            try:
                out += file.stat().st_size
            except FileNotFoundError:
                pass
    return out


def run(person, station, folder, *words):
    """Seconds, the verb's objects, and KiB by which the client and the station grew since the first MiB in `folder`."""
    before = size_of(folder)
    begin = time.monotonic()
    process = person.start(*words)
    client, there = harness.grown(process, (process, station.process), lambda: size_of(folder) - before, 0.01)
    out, errors = process.communicate()
    took = time.monotonic() - begin
    if process.returncode != 0:
        raise SystemExit(f"dim {words[0]}: {process.returncode}: {out}{errors}")
    return took, [harness.checked(line, words[0]) for line in out.splitlines()], (client or 0, there or 0)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--mib", type=int, default=1024, help="size of the file")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--quick", action="store_true", help="a glance: does it work?")
    options = parser.parse_args()
    if options.quick:
        options.mib, options.rounds = 8, 1
    with tempfile.TemporaryDirectory(prefix="dim-media-bench-") as folder:
        station = harness.Station(folder)
        try:
            alice, bobby = (harness.Person(folder, name) for name in ("alice", "bobby"))
            for person in (alice, bobby):
                person.run("join", station.link(), "--name", person.name)
            path, pem = os.path.join(folder, "file"), certificate(folder)
            with open(path, "wb") as file:
                for _ in range(options.mib):
                    file.write(os.urandom(MIB))
            rows, growth = [], []
            before = harness.memory_of(station.process)["VmRSS"]
            received = os.path.join(folder, "received")
            os.mkdir(received)
            for _ in range(options.rounds):
                copy = tls_copy(folder, pem, path)
                up, lines, grew_up = run(alice, station, os.path.join(station.data, "media"), "upload", path)
                sent = harness.of(lines, "uploaded")[0]
                down, _, grew_down = run(bobby, station, received, "download", sent["link"], received)
                os.unlink(os.path.join(received, os.listdir(received)[0]))
                alice.run("upload", "--delete", sent["guid"])
                rows.append((copy, up, down))
                growth.append((grew_up[0], grew_down[0], max(grew_up[1], grew_down[1])))
            copy, up, down = (statistics.median(column) for column in zip(*rows))
            clients = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
            print(f"{options.mib} MiB, medians of {options.rounds}")
            print("| what | s | MiB/s | of the bare copy |\n| --- | ---: | ---: | ---: |")
            for name, took in (("bare copy over TLS", copy), ("up", up), ("down", down)):
                print(f"| {name} | {took:.2f} | {options.mib / took:.0f} | {copy / took:.2f} |")
            print("| memory, from the first MiB on | grows by at most, MiB |\n| --- | ---: |")
            for name, kib in zip(("client, up", "client, down", "station"), map(max, zip(*growth))):
                print(f"| {name} | {kib / 1024:.1f} |")
            print(f"station: {before / 1024:.1f} MiB before, {harness.memory_of(station.process)['VmHWM'] / 1024:.1f} MiB at most; "
                  f"largest client {clients / 1024:.1f} MiB at most")
        finally:
            station.kill()


if __name__ == "__main__":
    main()
