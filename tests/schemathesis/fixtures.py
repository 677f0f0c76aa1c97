"""People and rooms on a fresh server, for requests that are about something that exists."""

import os

import requests

URL = os.environ["HEARTH_URL"]
PASSWORD = "correct horse battery staple"
TIMEOUT_SECONDS = 30


def call(method, path, token=None, **arguments):
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    url = path if path.startswith("http") else URL + path
    reply = requests.request(method, url, headers=headers, timeout=TIMEOUT_SECONDS, **arguments)
    reply.raise_for_status()
    return reply.json()


def register(name):
    body = {"username": name, "password": PASSWORD, "auth": {"type": "m.login.dummy"}}
    return call("POST", "/_matrix/client/v3/register", json=body)


def log_in(name):
    identifier = {"type": "m.id.user", "user": name}
    body = {"type": "m.login.password", "identifier": identifier, "password": PASSWORD}
    return call("POST", "/_matrix/client/v3/login", json=body)


class Fixtures:
    """Somebody who makes the requests, somebody else, rooms, events and a file."""

    def __init__(self):
        session, other = register("fuzz"), register("other")
        self.token, self.user, self.device = (
            session[key] for key in ("access_token", "user_id", "device_id")
        )
        self.other = other["user_id"]
        register("spare")
        # Nothing makes anybody leave `home`; that happens to `yard`.
        self.home, self.yard = self.room("home"), self.room("yard")
        self.alias = "#home:" + self.user.split(":", 1)[1]
        call("POST", f"/_matrix/client/v3/join/{self.home}", other["access_token"], json={})
        path = f"/_matrix/client/v3/rooms/{self.home}/send/m.room.message/t1"
        content = {"msgtype": "m.text", "body": "hello"}
        self.event = call("PUT", path, self.token, json=content)["event_id"]
        upload = call("POST", "/_matrix/media/v3/upload", self.token, data=b"a file")
        self.file = upload["content_uri"]

    def room(self, alias):
        body = {"preset": "public_chat", "room_alias_name": alias}
        return call("POST", "/_matrix/client/v3/createRoom", self.token, json=body)["room_id"]
