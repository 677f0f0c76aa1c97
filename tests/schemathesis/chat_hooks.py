"""What schemathesis does not know of the chat API: who asks, and what there is to ask about."""

import collections
import os

import requests
import schemathesis
from hypothesis import strategies

API = os.environ["HEARTH_URL"] + "/api"
PASSWORD = "correct horse battery staple"
TIMEOUT_SECONDS = 30

# A picture of one pixel.
PNG = bytes.fromhex(
    "89504e470d0a1a0a0000000d49484452000000010000000108060000001f15c489"
    "0000000d49444154789c626001000000ffff03000006000557bfabd4"
    "0000000049454e44ae426082"
)

# Operations that end a membership or a room.
LEAVING = {"delete_room", "leave_room"}


def call(method, path, token=None, **arguments):
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    reply = requests.request(
        method, API + path, headers=headers, timeout=TIMEOUT_SECONDS, **arguments
    )
    reply.raise_for_status()
    return reply.json() if reply.content else None


def person(username, endpoint="register"):
    return call("POST", f"/auth/{endpoint}", json={"username": username, "password": PASSWORD})


def room(name):
    return call("POST", "/rooms", token, json={"name": name, "type": "public"})["id"]


token = person("chatter")["token"]
other = person("listener")["user"]["id"]
person("leaver")
# Nothing makes anybody leave `home`; that happens to `yard`.
home, yard = room("Home"), room("Yard")
message = call("POST", f"/rooms/{home}/messages", token, json={"content": "hello"})["id"]
picture = {"file": ("a.png", PNG, "image/png")}
attachment = call("POST", "/attachments/upload", token, files=picture)["id"]

# Values of parameters that exist.
KNOWN = {
    "room_id": home,
    "message_id": message,
    "user_id": other,
    "emoji": "🔥",
    "id": attachment,
}

schemathesis.openapi.format("emoji", strategies.sampled_from(["👍", "❤️", "😂", "🔥", "🎉"]))
calls = collections.Counter()


def name_of(case):
    return case.operation.definition.raw.get("operationId")


@schemathesis.auth()
class Token:
    """A token that is valid; one of its own for who logs out."""

    def get(self, case, context):
        return person("leaver", "login")["token"] if name_of(case) == "logout" else token

    def set(self, case, data, context):
        case.headers["Authorization"] = f"Bearer {data}"


@schemathesis.hook
def before_call(context, case, kwargs):
    """Every other time, everything that a path names exists."""
    calls[name_of(case)] += 1
    if calls[name_of(case)] % 2:
        for parameter in KNOWN.keys() & case.path_parameters.keys():
            case.path_parameters[parameter] = KNOWN[parameter]
    if name_of(case) in LEAVING and case.path_parameters.get("room_id") == home:
        case.path_parameters["room_id"] = yard
