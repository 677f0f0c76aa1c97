"""What schemathesis does not know: who asks, and what there is to ask about.

Strings of the specification's own formats are drawn from what exists as well as from what does not.
"""

import collections

import schemathesis
from fixtures import Fixtures, log_in
from hypothesis import strategies

# Longest that a request may ask the server to wait, in milliseconds.
WAIT_MS_MAX = 50

# Operations that end the session that they come from.
ENDING = {"logout", "logout_all"}

# Operations that end a membership or a room.
LEAVING = {"leaveRoom", "forgetRoom", "kick", "ban", "unban", "upgradeRoom"}

calls = collections.Counter()
there = Fixtures()
server_name = there.user.split(":", 1)[1]
media_id = there.file.rsplit("/", 1)[1]


def made_up(sigil, end=":elsewhere.example"):
    names = strategies.text(max_size=20)
    return strategies.builds(lambda name: f"{sigil}{name}{end}", names)


FORMATS = {
    "mx-user-id": [made_up("@"), there.user, there.other, f"@nobody:{server_name}"],
    "mx-room-id": [made_up("!"), there.home, there.yard],
    "mx-room-alias": [made_up("#"), there.alias, f"#nothing:{server_name}"],
    "mx-event-id": [made_up("$", ""), there.event],
    "mx-mxc-uri": [made_up("mxc://", "/x"), there.file],
    "mx-server-name": [strategies.text(max_size=20), server_name],
    "mx-unpadded-base64": [strategies.text(max_size=20), "QUJD"],
    "mx-urlsafe-unpadded-base64": [strategies.text(max_size=20), "QUJD"],
}

for name, choices in FORMATS.items():
    choices = [strategies.just(item) if isinstance(item, str) else item for item in choices]
    schemathesis.openapi.format(name, strategies.one_of(choices))

# Parameters without a format, and values of theirs that exist.
KNOWN = {
    "serverName": server_name,
    "mediaId": media_id,
    "deviceId": there.device,
    "userId": there.user,
    "roomId": there.home,
    "roomIdOrAlias": there.alias,
    "roomAlias": there.alias,
    "eventId": there.event,
}


@schemathesis.hook
def map_query(context, query):
    """Nobody waits long for nothing to happen."""
    if isinstance((query or {}).get("timeout"), int):
        query["timeout"] = min(query["timeout"], WAIT_MS_MAX)
    return query


@schemathesis.hook
def before_call(context, case, kwargs):
    """Gives the request a token, and keeps what the other requests need."""
    operation = case.operation.definition.raw.get("operationId")
    calls[operation] += 1
    if calls[operation] % 2:  # every other time, everything that a path names exists
        for parameter in KNOWN.keys() & case.path_parameters.keys():
            case.path_parameters[parameter] = KNOWN[parameter]
    token = log_in("spare")["access_token"] if operation in ENDING else there.token
    case.headers["Authorization"] = f"Bearer {token}"
    if operation in LEAVING and case.path_parameters.get("roomId") == there.home:
        case.path_parameters["roomId"] = there.yard
