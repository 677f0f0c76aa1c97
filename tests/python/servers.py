"""Servers that a test starts for itself, and how to ask them."""

import json
import os
import socket
import subprocess
import time
import urllib.error
import urllib.request
from contextlib import contextmanager

BINARY = os.environ.get("HEARTH_BIN")


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def wait_until(what, condition):
    deadline = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline, f"{what} does not happen"
        time.sleep(0.05)


def wait_for(url):
    def answers():
        try:
            urllib.request.urlopen(url, timeout=5).read()
            return True
        except (urllib.error.URLError, OSError):
            return False

    wait_until(f"an answer of {url}", answers)


def send(method, url, data=None, token=None, content_type="application/json", headers=()):
    """Status, headers and bytes of an answer, whatever they are."""
    request = urllib.request.Request(url, data, dict(headers), method=method)
    request.add_header("Content-Type", content_type)
    if token:
        request.add_header("Authorization", f"Bearer {token}")
    try:
        reply = urllib.request.urlopen(request, timeout=60)
    except urllib.error.HTTPError as error:
        reply = error
    return reply.status, reply.headers, reply.read()


def call(method, url, body=None, token=None):
    data = None if body is None else json.dumps(body).encode()
    status, _, answer = send(method, url, data, token)
    return status, json.loads(answer)


class Hearth:
    """A server with these settings, in a directory of its own."""

    def __init__(self, directory, settings):
        self.directory = directory
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.config = directory / "hearth.toml"
        self.config.write_text(self.common() + settings)
        self.environment = {k: v for k, v in os.environ.items() if not k.startswith("HEARTH_")}

    def common(self):
        return f"""
server_name = "hearth.test"
data_dir = "{self.directory}/data"
listen.client = "127.0.0.1:{self.port}"
well_known.client_base_url = "{self.url}"
registration.mode = "open"
rate_limit.enabled = false
"""

    def log(self):
        return (self.directory / "log").read_text()

    def command(self, *arguments):
        """Runs a command beside no server, and returns what it says."""
        command = [BINARY, *arguments, "--config", str(self.config)]
        return subprocess.run(
            command, env=self.environment, check=True, capture_output=True, text=True
        ).stdout

    @contextmanager
    def running(self):
        log = open(self.directory / "log", "a")
        command = [BINARY, "serve", "--config", str(self.config)]
        with subprocess.Popen(command, stdout=log, stderr=log, env=self.environment) as process:
            try:
                wait_for(f"{self.url}/_matrix/client/versions")
                yield self.url
            finally:
                process.terminate()
                process.wait()
                print(self.log())


def register(url, name):
    """The access token of a new person."""
    body = {"username": name, "password": "a long password", "auth": {"type": "m.login.dummy"}}
    status, session = call("POST", f"{url}/_matrix/client/v3/register", body)
    assert status == 200, session
    return session["access_token"]


def upload(url, token, content, content_type="application/octet-stream"):
    """Status and answer of an upload."""
    endpoint = f"{url}/_matrix/media/v3/upload?filename=file"
    status, _, answer = send("POST", endpoint, content, token, content_type)
    return status, json.loads(answer)


def download(url, token, content_uri):
    """Status and bytes of what was uploaded."""
    path = content_uri.removeprefix("mxc://")
    status, _, content = send("GET", f"{url}/_matrix/client/v1/media/download/{path}", None, token)
    return status, content
