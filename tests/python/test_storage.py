"""Files in a bucket of a real S3 service (moto's server), which is sometimes down or slow."""

import re
import socket
import struct
import subprocess
import sys
import time
import urllib.error
import zlib
from contextlib import contextmanager

import pytest
from servers import (
    BINARY, Hearth, call, download, free_port, register, send, upload, wait_for, wait_until,
)

SECRET = "never-to-be-printed"
MIB = 1024 * 1024

pytestmark = pytest.mark.skipif(not BINARY, reason="HEARTH_BIN names no server to start")


class Service:
    """An S3 service with a bucket, which forgets everything when it ends."""

    def __init__(self):
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"

    @contextmanager
    def running(self):
        command = [sys.executable, "-m", "moto.server", "-p", str(self.port)]
        quiet = subprocess.DEVNULL
        with subprocess.Popen(command, stdout=quiet, stderr=quiet) as process:
            try:
                wait_for(f"{self.url}/moto-api/")
                assert send("PUT", f"{self.url}/files")[0] == 200
                yield self
            finally:
                process.terminate()

    def names(self):
        listed = send("GET", f"{self.url}/files?list-type=2")[2].decode()
        return re.findall("<Key>([^<]*)</Key>", listed)

    def unfinished(self):
        return re.findall("<UploadId>", send("GET", f"{self.url}/files?uploads")[2].decode())


def settings(service_url, timeout_seconds=20):
    return f"""
media.max_upload_bytes = {20 * MIB}
[media.storage]
bucket = "files"
endpoint = "{service_url}"
access_key_id = "hearth"
secret_access_key = "{SECRET}"
timeout_seconds = {timeout_seconds}
"""


@pytest.fixture(scope="module")
def service():
    with Service().running() as service:
        yield service


@pytest.fixture(scope="module")
def hearth(service, tmp_path_factory):
    hearth = Hearth(tmp_path_factory.mktemp("hearth"), settings(service.url))
    with hearth.running():
        yield hearth
    assert SECRET not in hearth.log()


@pytest.fixture(scope="module")
def alice(hearth):
    return register(hearth.url, "alice")


def pattern(size):
    return (bytes(range(251)) * (size // 251 + 1))[:size]


def png(side):
    """A picture whose pixels are all of one colour."""
    def chunk(kind, data):
        checksum = zlib.crc32(kind + data)
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", checksum)

    pixels = zlib.compress((b"\0" + b"\x40\x80\xc0" * side) * side)
    header = struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
    signature = b"\x89PNG\r\n\x1a\n"
    return signature + chunk(b"IHDR", header) + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")


@pytest.mark.parametrize("size", [0, 1, 5 * MIB, 12 * MIB + 7])
def test_a_file_of_any_size_is_in_the_bucket(hearth, alice, service, size):
    before = set(service.names())
    status, uploaded = upload(hearth.url, alice, pattern(size))
    assert status == 200, uploaded
    new = set(service.names()) - before
    assert len(new) == 1 and re.fullmatch("[0-9a-f]{2}/[0-9a-f]{30}", new.pop())
    assert download(hearth.url, alice, uploaded["content_uri"]) == (200, pattern(size))
    assert not (hearth.directory / "data" / "media").exists()


def test_a_part_of_a_file_is_a_part_of_the_object(hearth, alice):
    content = pattern(12 * MIB + 7)
    uploaded = upload(hearth.url, alice, content)[1]
    path = uploaded["content_uri"].removeprefix("mxc://")
    url = f"{hearth.url}/_matrix/client/v1/media/download/{path}"

    def part(wanted):
        return send("GET", url, None, alice, headers={"Range": wanted})

    for wanted, first, last in [
        ("bytes=0-99", 0, 99),
        (f"bytes={3 * MIB}-{6 * MIB}", 3 * MIB, 6 * MIB),
        ("bytes=-50", len(content) - 50, len(content) - 1),
    ]:
        status, headers, answer = part(wanted)
        assert (status, answer) == (206, content[first:last + 1])
        assert headers["Content-Range"] == f"bytes {first}-{last}/{len(content)}"
    status, headers, _ = part(f"bytes={len(content)}-")
    assert (status, headers["Content-Range"]) == (416, f"bytes */{len(content)}")


def test_equal_files_share_an_object(hearth, alice, service):
    first = upload(hearth.url, alice, pattern(300))[1]
    before = service.names()
    second = upload(hearth.url, alice, pattern(300))[1]
    assert first != second and service.names() == before


def test_a_thumbnail_is_an_object_too(hearth, alice, service):
    status, uploaded = upload(hearth.url, alice, png(400), "image/png")
    assert status == 200, uploaded
    before = service.names()
    path = uploaded["content_uri"].removeprefix("mxc://")
    thumbnail = f"{hearth.url}/_matrix/client/v1/media/thumbnail/{path}?width=96&height=96"
    first = send("GET", thumbnail, None, alice)
    assert first[0] == 200 and len(service.names()) == len(before) + 1
    assert send("GET", thumbnail, None, alice)[2] == first[2]
    assert len(service.names()) == len(before) + 1


def test_what_is_too_large_leaves_nothing(hearth, alice, service):
    before = service.names()
    # Nobody says how long it is, so it is noticed only on the way.
    try:
        assert upload(hearth.url, alice, (pattern(MIB) for _ in range(25)))[0] == 413
    except urllib.error.URLError:
        pass  # It hung up before it had all.
    wait_until("an end of what was begun", lambda: not service.unfinished())
    assert service.names() == before


def test_a_service_that_is_down_fails_in_time_and_comes_back(tmp_path):
    service = Service()
    hearth = Hearth(tmp_path, settings(service.url, timeout_seconds=1))
    with hearth.running() as url:
        token = register(url, "bob")
        with service.running():
            status, uploaded = upload(url, token, b"kept")
            assert status == 200, uploaded
        start = time.monotonic()
        assert upload(url, token, b"lost")[0] == 500
        assert upload(url, token, pattern(7 * MIB))[0] == 500
        assert time.monotonic() - start < 20
        assert call("GET", f"{url}/_matrix/client/v3/account/whoami", None, token)[0] == 200
        with service.running():
            status, again = upload(url, token, b"lost")
            assert status == 200, again
            assert download(url, token, again["content_uri"]) == (200, b"lost")


def test_a_service_that_says_nothing_fails_in_time(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = f"http://127.0.0.1:{silent.getsockname()[1]}"
        hearth = Hearth(tmp_path, settings(address, timeout_seconds=1))
        with hearth.running() as url:
            token = register(url, "carol")
            start = time.monotonic()
            status, answer = upload(url, token, b"x")
            assert (status, answer["errcode"]) == (500, "M_UNKNOWN")
            assert time.monotonic() - start < 15
