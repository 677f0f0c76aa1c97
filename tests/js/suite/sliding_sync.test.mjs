// Two people whose clients sync by sliding sync (MSC4186), as Element X and newer Elements do.

import "../support/runtime.mjs";

import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import { EventType, MsgType, RelationType, RoomMemberEvent } from "matrix-js-sdk";

import {
  ENCRYPTION,
  LIST,
  anotherDevice,
  eventOf,
  passwordAuth,
  register,
  roomFor,
  stopAll,
  until,
} from "../support/person.mjs";
import { nextRequest, verify } from "../support/verification.mjs";

const ROOMS = 6;
const WINDOW = 3;

let alice;
let bob;
let roomId;

before(async () => {
  const options = { encrypted: true, window: 20 };
  [alice, bob] = await Promise.all([register("alice", options), register("bob", options)]);
  for (const client of [alice, bob]) {
    const authUploadDeviceSigningKeys = passwordAuth(client);
    await client.getCrypto().bootstrapCrossSigning({ authUploadDeviceSigningKeys });
  }
  roomId = await roomFor(alice, bob, { name: "The hearth", initial_state: [ENCRYPTION] });
});

after(stopAll);

async function say(client, body, more = {}) {
  const content = { msgtype: MsgType.Text, body, ...more };
  const { event_id: eventId } = await client.sendEvent(roomId, EventType.RoomMessage, content);
  return eventId;
}

/** The sliding sync of a client. */
function slidingSync(client) {
  return client.clientOpts.slidingSync;
}

test("a window shows the rooms where something happened last, and grows", async () => {
  const rooms = [];
  for (let number = 0; number < ROOMS; number += 1) {
    const { room_id: id } = await alice.createRoom({ name: `Room ${number}` });
    rooms.push(id);
  }
  await alice.sendEvent(rooms[0], EventType.RoomMessage, { msgtype: MsgType.Text, body: "up" });
  const phone = await anotherDevice(alice, { window: WINDOW });
  const shown = () => phone.getRooms().map((room) => room.roomId);
  assert.equal(slidingSync(phone).getListData(LIST).joinedCount, ROOMS + 1);
  await until("the window", () => shown().length === WINDOW);
  assert.deepEqual(shown().sort(), [rooms[0], rooms[ROOMS - 1], rooms[ROOMS - 2]].sort());
  assert.equal(phone.getRoom(rooms[0]).name, "Room 0");
  slidingSync(phone).setListRanges(LIST, [[0, ROOMS]]);
  await until("all rooms", () => shown().length === ROOMS + 1);
  assert.equal(phone.getRoom(roomId).name, "The hearth");
});

test("messages, their edits and reactions arrive decrypted", async () => {
  const eventId = await say(alice, "teh cat");
  const event = await eventOf(bob, roomId, eventId);
  await until("bob to decrypt", () => event.getClearContent()?.body === "teh cat");
  await say(alice, "* the cat", {
    "m.new_content": { msgtype: MsgType.Text, body: "the cat" },
    "m.relates_to": { rel_type: RelationType.Replace, event_id: eventId },
  });
  await until("the edit", () => event.getContent().body === "the cat");
  await bob.sendEvent(roomId, EventType.Reaction, {
    "m.relates_to": { rel_type: RelationType.Annotation, event_id: eventId, key: "🐈" },
  });
  const reactions = await until("the reaction", () => {
    const { relations } = alice.getRoom(roomId);
    const found = relations.getChildEventsForEvent(eventId, "m.annotation", "m.reaction");
    return found?.getSortedAnnotationsByKey();
  });
  assert.deepEqual(reactions.map(([key, events]) => [key, events.size]), [["🐈", 1]]);
});

test("typing and receipts arrive", async () => {
  const seen = new Promise((resolve) => {
    bob.on(RoomMemberEvent.Typing, (_, member) => {
      if (member.userId === alice.getUserId() && member.typing) resolve(member.roomId);
    });
  });
  await alice.sendTyping(roomId, true, 20_000);
  assert.equal(await seen, roomId);
  const eventId = await say(alice, "read me");
  const event = await eventOf(bob, roomId, eventId);
  await bob.sendReadReceipt(event);
  await until("the receipt", () =>
    alice.getRoom(roomId).getEventReadUpTo(bob.getUserId()) === eventId,
  );
});

test("account data arrives", async () => {
  await alice.setRoomTag(roomId, "m.favourite", { order: 0.5 });
  const tags = await until("the tag", () => alice.getRoom(roomId).tags["m.favourite"]);
  assert.equal(tags.order, 0.5);
  await alice.setAccountData("org.example.lamp", { lit: true });
  const data = await until("the account data", () => alice.getAccountData("org.example.lamp"));
  assert.deepEqual(data.getContent(), { lit: true });
});

test("two people verify each other", async () => {
  for (const [client, other] of [[alice, bob], [bob, alice]]) {
    await until("the other's keys", () =>
      client.getCrypto().userHasCrossSigningKeys(other.getUserId(), true),
    );
  }
  const incoming = nextRequest(bob);
  const request = await alice.getCrypto().requestVerificationDM(bob.getUserId(), roomId);
  await verify(request, await incoming);
  for (const [client, other] of [[alice, bob], [bob, alice]]) {
    await until("trust", async () => {
      const status = await client.getCrypto().getUserVerificationStatus(other.getUserId());
      return status.isCrossSigningVerified();
    });
  }
});

test("who leaves no longer counts the room", async () => {
  const { room_id: id } = await bob.createRoom({ name: "Short" });
  await until("the room", () => bob.getRoom(id)?.getMyMembership() === "join");
  const before = slidingSync(bob).getListData(LIST).joinedCount;
  await bob.leave(id);
  await until("the list", () => slidingSync(bob).getListData(LIST).joinedCount === before - 1);
});
