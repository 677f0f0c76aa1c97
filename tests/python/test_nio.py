"""matrix-nio talks to a running hearth: login, send, sync, upload."""

import io

import nio
from conftest import BASE_URL, PASSWORD, expect

SYNC_TIMEOUT_MS = 5_000
SYNCS_MAX = 6


async def room_for(host, guest):
    """A room of both, which both have synced."""
    reply = await host.room_create(name="The hearth", invite=[guest.user_id])
    room_id = expect(reply, nio.RoomCreateResponse).room_id
    expect(await guest.sync(), nio.SyncResponse)
    assert room_id in guest.invited_rooms
    expect(await guest.join(room_id), nio.JoinResponse)
    for client in (host, guest):
        expect(await client.sync(), nio.SyncResponse)
        assert room_id in client.rooms
    return room_id


async def say(client, room_id, body):
    content = {"msgtype": "m.text", "body": body}
    reply = await client.room_send(room_id, "m.room.message", content)
    return expect(reply, nio.RoomSendResponse).event_id


async def sync_until(client, look):
    """What `look` finds in one of the next syncs."""
    for _ in range(SYNCS_MAX):
        reply = expect(await client.sync(timeout=SYNC_TIMEOUT_MS), nio.SyncResponse)
        found = look(reply)
        if found:
            return found
    raise AssertionError("no such sync")


def event_in(room_id, event_id):
    def look(reply):
        info = reply.rooms.join.get(room_id)
        events = info.timeline.events if info else []
        return next((event for event in events if event.event_id == event_id), None)

    return look


async def test_login_and_logout(person):
    alice = await person("alice")
    client = nio.AsyncClient(BASE_URL, alice.user_id)
    try:
        reply = expect(await client.login(PASSWORD, device_name="nio"), nio.LoginResponse)
        assert reply.user_id == alice.user_id
        assert expect(await client.whoami(), nio.WhoamiResponse).user_id == alice.user_id
        devices = expect(await alice.devices(), nio.DevicesResponse).devices
        assert {device.id for device in devices} == {alice.device_id, client.device_id}
        token = client.access_token
        expect(await client.logout(), nio.LogoutResponse)
        client.access_token = token
        assert expect(await client.whoami(), nio.WhoamiError).status_code == "M_UNKNOWN_TOKEN"
        assert expect(await client.login("a guess"), nio.LoginError).status_code == "M_FORBIDDEN"
    finally:
        await client.close()


async def test_messages_are_sent_and_synced(person):
    alice, bob = await person("alice"), await person("bob")
    room_id = await room_for(alice, bob)
    event_id = await say(alice, room_id, "hello from nio")
    event = await sync_until(bob, event_in(room_id, event_id))
    assert isinstance(event, nio.RoomMessageText)
    assert event.body == "hello from nio"
    assert event.sender == alice.user_id
    room = bob.rooms[room_id]
    assert room.name == "The hearth"
    assert set(room.users) == {alice.user_id, bob.user_id}

    answer_id = await say(bob, room_id, "hello yourself")
    answer = await sync_until(alice, event_in(room_id, answer_id))
    assert answer.body == "hello yourself"


async def test_a_redaction_a_receipt_and_typing(person):
    alice, bob = await person("alice"), await person("bob")
    room_id = await room_for(alice, bob)
    event_id = await say(alice, room_id, "a slip")
    await sync_until(bob, event_in(room_id, event_id))
    reply = await bob.update_receipt_marker(room_id, event_id)
    expect(reply, nio.UpdateReceiptMarkerResponse)

    def receipt(reply):
        info = reply.rooms.join.get(room_id)
        events = info.ephemeral if info else []
        receipts = [event for event in events if isinstance(event, nio.ReceiptEvent)]
        return [receipt for event in receipts for receipt in event.receipts]

    receipts = await sync_until(alice, receipt)
    assert [(entry.event_id, entry.user_id) for entry in receipts] == [(event_id, bob.user_id)]

    expect(await alice.room_typing(room_id, True), nio.RoomTypingResponse)
    await sync_until(bob, lambda _: bob.rooms[room_id].typing_users == [alice.user_id])

    expect(await alice.room_redact(room_id, event_id, "typo"), nio.RoomRedactResponse)
    event = expect(await bob.room_get_event(room_id, event_id), nio.RoomGetEventResponse).event
    assert isinstance(event, nio.RedactedEvent)
    assert event.reason == "typo"


async def test_history_is_paginated(person):
    alice, bob = await person("alice"), await person("bob")
    room_id = await room_for(alice, bob)
    sent = [await say(alice, room_id, str(number)) for number in range(25)]
    start = expect(await bob.sync(), nio.SyncResponse).next_batch
    seen = []
    while start:
        reply = await bob.room_messages(room_id, start, limit=10)
        page = expect(reply, nio.RoomMessagesResponse)
        seen += [event.event_id for event in page.chunk if isinstance(event, nio.RoomMessageText)]
        start = page.end
    assert seen == sent[::-1]


async def test_an_upload_comes_back(person):
    alice, bob = await person("alice"), await person("bob")
    data = bytes(range(256)) * 40
    reply, keys = await alice.upload(
        io.BytesIO(data),
        content_type="application/octet-stream",
        filename="data.bin",
        filesize=len(data),
    )
    assert keys is None
    mxc = expect(reply, nio.UploadResponse).content_uri
    download = expect(await bob.download(mxc), nio.MemoryDownloadResponse)
    assert download.body == data
    assert download.content_type == "application/octet-stream"
    config = expect(await alice.content_repository_config(), nio.ContentRepositoryConfigResponse)
    assert config.upload_size >= len(data)


async def test_a_profile_is_set_and_read(person):
    alice, bob = await person("alice"), await person("bob")
    expect(await alice.set_displayname("Alice A."), nio.ProfileSetDisplayNameResponse)
    reply = await bob.get_displayname(alice.user_id)
    assert expect(reply, nio.ProfileGetDisplayNameResponse).displayname == "Alice A."
