// One person with a Matrix client, one with the chat API, in one room: each sees what the other
// does. Every test prints how long that took.
//
// HEARTH_LATENCY_MS_MAX makes a longer delay a failure, for machines that do nothing else.

import "../support/runtime.mjs";

import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import { EventType, MsgType, RelationType } from "matrix-js-sdk";

import { closeAll, registerChat } from "../support/chat.mjs";
import { eventOf, register, roomOf, stopAll, until } from "../support/person.mjs";
import { png } from "../support/picture.mjs";

const LATENCY_MS_MAX = Number(process.env.HEARTH_LATENCY_MS_MAX ?? Infinity);

let alice; // with Element's SDK
let bob; // with the chat API
let roomId;

before(async () => {
  [alice, bob] = await Promise.all([register("alice"), registerChat("bob")]);
  const room = await bob.call("POST", "/rooms", { name: "The hearth", type: "public" });
  roomId = room.id;
  await alice.joinRoom(roomId);
  await roomOf(alice, roomId);
});

after(() => {
  stopAll();
  closeAll();
});

/** Does something, and measures until the other one sees it; the answer is what they see. */
async function seen(context, what, act, see) {
  const before = performance.now();
  const done = await act();
  const found = await see(done);
  const took = performance.now() - before;
  context.diagnostic(`${what} after ${took.toFixed(1)} ms, the request included`);
  assert.ok(took <= LATENCY_MS_MAX, `${what} took ${took.toFixed(1)} ms`);
  return [found, done];
}

function say(body, more = {}) {
  const content = { msgtype: MsgType.Text, body, ...more };
  return alice.sendEvent(roomId, EventType.RoomMessage, content).then((sent) => sent.event_id);
}

function write(content) {
  return bob.command("send_message", { room_id: roomId, content }).then((ack) => ack.message.id);
}

const inAlicesRoom = (eventId) => eventOf(alice, roomId, eventId);
const path = (messageId) => `/messages/${encodeURIComponent(messageId)}`;

test("messages", async (context) => {
  const [event] = await seen(context, "alice", () => write("**hello**, alice"), inAlicesRoom);
  assert.equal(event.getContent().body, "**hello**, alice");
  assert.match(event.getContent().formatted_body, /<strong>hello<\/strong>/);
  const ofAlice = (id) => bob.told("message_created", ({ message }) => message.id === id);
  const [frame] = await seen(context, "bob", () => say("hello, bob"), ofAlice);
  assert.equal(frame.message.content, "hello, bob");
  assert.equal(frame.message.sender.id, alice.getUserId());
});

test("edits", async (context) => {
  const [mine, theirs] = [await say("teh cat"), await write("teh dog")];
  const isEdit = ({ message }) => message.id === mine;
  const edit = {
    "m.new_content": { msgtype: MsgType.Text, body: "the cat" },
    "m.relates_to": { rel_type: RelationType.Replace, event_id: mine },
  };
  const told = () => bob.told("message_updated", isEdit);
  const [frame] = await seen(context, "bob", () => say("* the cat", edit), told);
  assert.equal(frame.message.content, "the cat");
  const event = await inAlicesRoom(theirs);
  const act = () => bob.call("PUT", path(theirs), { content: "the dog" });
  await seen(context, "alice", act, () => until("the edit", () => event.replacingEventId()));
  assert.equal(event.getContent().body, "the dog");
});

test("reactions", async (context) => {
  const [mine, theirs] = [await say("cake?"), await write("tea?")];
  const relation = { rel_type: RelationType.Annotation, event_id: theirs, key: "🎂" };
  const react = () => alice.sendEvent(roomId, EventType.Reaction, { "m.relates_to": relation });
  const told = () => bob.told("reaction_added", (frame) => frame.message_id === theirs);
  const [frame] = await seen(context, "bob", react, told);
  assert.equal(frame.emoji, "🎂");
  assert.equal(frame.user.id, alice.getUserId());
  await inAlicesRoom(mine);
  const relations = () => {
    const all = alice.getRoom(roomId).relations;
    return all.getChildEventsForEvent(mine, "m.annotation", "m.reaction")?.getRelations()[0];
  };
  const act = () => bob.call("POST", `${path(mine)}/reactions`, { emoji: "👍" });
  const [event] = await seen(context, "alice", act, () => until("the reaction", relations));
  assert.equal(event.getRelation().key, "👍");
  assert.equal(event.getSender(), bob.userId);
});

test("deletions", async (context) => {
  const [mine, theirs] = [await say("oops"), await write("oops")];
  const told = () => bob.told("message_deleted", (frame) => frame.message_id === mine);
  await seen(context, "bob", () => alice.redactEvent(roomId, mine), told);
  const shown = await bob.call("GET", path(mine));
  assert.equal(shown.content, "[deleted]");
  const event = await inAlicesRoom(theirs);
  const isGone = () => until("the deletion", () => event.isRedacted());
  await seen(context, "alice", () => bob.call("DELETE", path(theirs)), isGone);
});

test("typing", async (context) => {
  const isAlice = (frame) => frame.typing && frame.user_id === alice.getUserId();
  const told = () => bob.told("user_typing", isAlice);
  await seen(context, "bob", () => alice.sendTyping(roomId, true, 20_000), told);
  const member = alice.getRoom(roomId).getMember(bob.userId);
  const act = () => bob.command("typing_start", { room_id: roomId });
  await seen(context, "alice", act, () => until("bob to type", () => member.typing));
});

test("receipts", async (context) => {
  const theirs = await inAlicesRoom(await write("read me"));
  const told = () => bob.told("message_read", (frame) => frame.message_id === theirs.getId());
  const [frame] = await seen(context, "bob", () => alice.sendReadReceipt(theirs), told);
  assert.equal(frame.user_id, alice.getUserId());
  const mine = await say("read me, too");
  const room = alice.getRoom(roomId);
  const isRead = () => until("the receipt", () => room.getEventReadUpTo(bob.userId) === mine);
  await bob.told("message_created", ({ message }) => message.id === mine);
  await seen(context, "alice", () => bob.command("read_message", { message_id: mine }), isRead);
});

test("joins", async (context) => {
  const [carol, dave] = await Promise.all([registerChat("carol"), register("dave")]);
  const isMember = () =>
    until("carol to be there", () => alice.getRoom(roomId).getMember(carol.userId));
  const act = () => carol.call("POST", `/rooms/${encodeURIComponent(roomId)}/join`, {});
  await seen(context, "alice", act, isMember);
  const isDave = (frame) => frame.user.id === dave.getUserId();
  const told = () => bob.told("user_joined", isDave);
  await seen(context, "bob", () => dave.joinRoom(roomId), told);
});

test("uploads", async (context) => {
  const picture = png(64, 48);
  const uploaded = await alice.uploadContent(picture, { type: "image/png", name: "a.png" });
  const content = {
    msgtype: MsgType.Image,
    body: "a.png",
    url: uploaded.content_uri,
    info: { mimetype: "image/png", size: picture.length },
  };
  const act = () => alice.sendEvent(roomId, EventType.RoomMessage, content);
  const told = ({ event_id: id }) => bob.told("message_created", ({ message }) => message.id === id);
  const [frame] = await seen(context, "bob", act, told);
  assert.equal(frame.message.type, "image");
  assert.equal(frame.message.attachments[0].filename, "a.png");

  const form = new FormData();
  form.append("file", new Blob([picture], { type: "image/png" }), "b.png");
  const attachment = await bob.call("POST", "/attachments/upload", form);
  const send = () =>
    bob.command("send_message", { room_id: roomId, attachments: [attachment.id] });
  const [event] = await seen(context, "alice", send, (ack) => inAlicesRoom(ack.message.id));
  assert.equal(event.getContent().msgtype, MsgType.Image);
  const source = alice.mxcUrlToHttp(event.getContent().url, undefined, undefined, undefined,
    false, true, true);
  const headers = { Authorization: `Bearer ${alice.getAccessToken()}` };
  const copy = Buffer.from(await (await fetch(source, { headers })).arrayBuffer());
  assert.ok(copy.equals(picture));
});
