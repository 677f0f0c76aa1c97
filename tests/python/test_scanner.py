"""Uploads that ClamAV's clamd looks at before anybody can read them (Debian: clamav-daemon)."""

import io
import os
import shutil
import socket
import subprocess
import zipfile
from contextlib import contextmanager

import pytest
from servers import (
    BINARY, Hearth, call, download, free_port, register, send, upload, wait_until,
)

CLAMD = shutil.which("clamd", path=os.environ["PATH"] + os.pathsep + "/usr/sbin")
# The test file that every scanner takes for malware, in two parts: this file is none.
EICAR = b"X5O!P%@AP[4\\PZX54(P^)7CC)7}$EICAR-STANDARD-" + b"ANTIVIRUS-TEST-FILE!$H+H*"
MARKER = b"hearth test malware marker"

pytestmark = [
    pytest.mark.skipif(not BINARY, reason="HEARTH_BIN names no server to start"),
    pytest.mark.skipif(not CLAMD, reason="THERE IS NO clamd: install clamav-daemon"),
]


class Scanner:
    """The real daemon with two signatures of its own, on a port and on a socket."""

    def __init__(self, directory):
        self.directory = directory
        self.port = free_port()
        self.socket = directory / "clamd.socket"
        database = directory / "database"
        database.mkdir()
        eicar = "44d88612fea8a8f36de82e1278abb02f:68:Eicar-Test-Signature\n"
        (database / "test.hdb").write_text(eicar)
        (database / "test.ndb").write_text(f"Hearth.Marker:0:*:{MARKER.hex()}\n")
        (directory / "clamd.conf").write_text(f"""
Foreground yes
DatabaseDirectory {database}
LocalSocket {self.socket}
TCPSocket {self.port}
TCPAddr 127.0.0.1
StreamMaxLength 8M
""")

    @contextmanager
    def running(self):
        command = [CLAMD, "--config-file", str(self.directory / "clamd.conf")]
        log = open(self.directory / "clamd.log", "a")
        with subprocess.Popen(command, stdout=log, stderr=log) as process:
            try:
                wait_until("clamd", self.answers)
                yield self
            finally:
                process.terminate()

    def answers(self):
        try:
            with socket.create_connection(("127.0.0.1", self.port), timeout=5) as connection:
                connection.sendall(b"zPING\0")
                return connection.recv(16) == b"PONG\0"
        except OSError:
            return False


def settings(address):
    return f"""
[media.scanner]
clamd = "{address}"
timeout_seconds = 5
"""


@pytest.fixture(scope="module")
def scanner(tmp_path_factory):
    with Scanner(tmp_path_factory.mktemp("clamd")).running() as scanner:
        yield scanner


@pytest.fixture(scope="module", params=["tcp", "unix"])
def hearth(scanner, request, tmp_path_factory):
    address = scanner.socket if request.param == "unix" else f"127.0.0.1:{scanner.port}"
    hearth = Hearth(tmp_path_factory.mktemp("hearth"), settings(address))
    with hearth.running():
        yield hearth


@pytest.fixture(scope="module")
def alice(hearth):
    return register(hearth.url, "alice")


def blobs(hearth):
    media = hearth.directory / "data" / "media"
    return [path for path in media.rglob("*") if path.is_file()]


def zipped(content):
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as writer:
        writer.writestr("inner.txt", content)
    return archive.getvalue()


@pytest.mark.parametrize("content", [b"", b"harmless", b"a" * 3_000_000])
def test_what_is_clean_passes(hearth, alice, content):
    status, uploaded = upload(hearth.url, alice, content)
    assert status == 200, uploaded
    assert download(hearth.url, alice, uploaded["content_uri"]) == (200, content)


MALWARE = {
    "itself": EICAR,
    "in an archive": zipped(EICAR),
    "in what is written in parts": b"b" * 3_000_000 + MARKER,
}


@pytest.mark.parametrize("content", MALWARE.values(), ids=MALWARE.keys())
def test_malware_is_refused_and_leaves_nothing(hearth, alice, content):
    before = blobs(hearth)
    status, refused = upload(hearth.url, alice, content)
    assert (status, refused["errcode"]) == (403, "M_FORBIDDEN"), refused
    assert "malware" in refused["error"]
    assert blobs(hearth) == before


def form(content):
    """A form with a file, and its type."""
    head = 'Content-Disposition: form-data; name="file"; filename="a.zip"\r\n\r\n'
    body = b"--edge\r\n" + head.encode() + content + b"\r\n--edge--\r\n"
    return body, "multipart/form-data; boundary=edge"


def test_attachments_of_chats_are_scanned_too(hearth, alice):
    body = {"username": "alice", "password": "a long password"}
    status, session = call("POST", f"{hearth.url}/api/auth/login", body)
    assert status == 200, session
    endpoint = f"{hearth.url}/api/attachments/upload"
    before = blobs(hearth)
    malware, kind = form(zipped(EICAR))
    status, headers, answer = send("POST", endpoint, malware, session["token"], kind)
    assert status == 400 and b"malware" in answer, answer
    assert headers["Content-Type"] == "application/problem+json"
    assert blobs(hearth) == before
    clean, kind = form(zipped(b"harmless"))
    assert send("POST", endpoint, clean, session["token"], kind)[0] == 201


def test_malware_does_not_get_under_a_reserved_id(hearth, alice):
    status, reserved = call("POST", f"{hearth.url}/_matrix/media/v1/create", {}, alice)
    assert status == 200, reserved
    path = reserved["content_uri"].removeprefix("mxc://")
    endpoint = f"{hearth.url}/_matrix/media/v3/upload/{path}"
    assert send("PUT", endpoint, EICAR, alice)[0] == 403
    address = f"{hearth.url}/_matrix/client/v1/media/download/{path}?timeout_ms=0"
    assert send("GET", address, None, alice)[0] == 504, "still nothing there"
    assert send("PUT", endpoint, b"harmless", alice)[0] == 200
    assert download(hearth.url, alice, reserved["content_uri"]) == (200, b"harmless")


def test_what_is_too_large_for_the_scanner_is_refused(hearth, alice):
    before = blobs(hearth)
    status, refused = upload(hearth.url, alice, b"c" * 9_000_000)
    assert status == 502, refused
    assert blobs(hearth) == before


def test_without_the_scanner_nothing_passes(tmp_path):
    scanner = Scanner(tmp_path)
    (tmp_path / "hearth").mkdir()
    hearth = Hearth(tmp_path / "hearth", settings(scanner.socket))
    with hearth.running() as url:
        token = register(url, "bob")
        assert upload(url, token, b"harmless")[0] == 502
        assert blobs(hearth) == []
        with scanner.running():
            assert upload(url, token, b"harmless")[0] == 200


def test_a_scanner_that_says_nothing_is_not_waited_for_long(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as silent:
        hearth = Hearth(tmp_path, settings(f"127.0.0.1:{silent.getsockname()[1]}"))
        with hearth.running() as url:
            token = register(url, "carol")
            assert upload(url, token, b"harmless")[0] == 502
            assert blobs(hearth) == []
