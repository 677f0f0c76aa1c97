// People with matrix-js-sdk clients, and waiting for what their clients come to know.
//
// HEARTH_URL is the server's address; HEARTH_VERBOSE=1 shows what the SDK logs.

import "./runtime.mjs";

import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";

import * as sdk from "matrix-js-sdk";
import { SlidingSync } from "matrix-js-sdk/lib/sliding-sync.js";

export const BASE_URL = process.env.HEARTH_URL ?? "http://127.0.0.1:8008";
export const PASSWORD = "correct horse battery staple";

/** What makes a new room encrypted. */
export const ENCRYPTION = {
  type: "m.room.encryption",
  state_key: "",
  content: { algorithm: "m.megolm.v1.aes-sha2" },
};

const PATIENCE_MS = 30_000;
const LOOK_EVERY_MS = 10;
const POLL_MS = 10_000;

/** What a sliding client wants of each room, as Element asks for it. */
const ROOM_DETAILS = {
  timeline_limit: 20,
  required_state: [
    ["m.room.create", ""],
    ["m.room.name", ""],
    ["m.room.join_rules", ""],
    ["m.room.power_levels", ""],
    ["m.room.encryption", ""],
    ["m.room.member", "$ME"],
    ["m.room.member", "$LAZY"],
  ],
};

const started = [];

/** Looks until `look` answers with something true, and returns that. */
export async function until(what, look) {
  const deadline = Date.now() + PATIENCE_MS;
  for (;;) {
    const answer = await look();
    if (answer) return answer;
    assert.ok(Date.now() < deadline, `waited in vain for: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, LOOK_EVERY_MS));
  }
}

/** A new account with a started client; `options` as for `start`. */
export async function register(name, options) {
  const client = sdk.createClient({ baseUrl: BASE_URL });
  const username = `${name}-${randomBytes(5).toString("hex")}`;
  const auth = { type: "m.login.dummy" };
  const session = await client.registerRequest({ username, password: PASSWORD, auth });
  return start(session, options);
}

/** One more device of an account. */
export async function anotherDevice(client, options) {
  const login = sdk.createClient({ baseUrl: BASE_URL });
  const identifier = { type: "m.id.user", user: client.getUserId() };
  const request = { type: "m.login.password", identifier, password: PASSWORD };
  return start(await login.loginRequest(request), options);
}

/** Answers the server's question for the password when cross-signing keys are uploaded. */
export function passwordAuth(client) {
  return (upload) =>
    upload(null).catch((error) => {
      const session = error.data?.session;
      if (!session) throw error;
      const identifier = { type: "m.id.user", user: client.getUserId() };
      return upload({ type: "m.login.password", identifier, password: PASSWORD, session });
    });
}

/**
 * A syncing client; with `encrypted`, one that has the Rust crypto and `cryptoCallbacks`; with
 * `window`, one that syncs by sliding sync and shows so many rooms of its list.
 */
async function start(session, options = {}) {
  const { encrypted = false, cryptoCallbacks, initialSyncLimit = 20, window } = options;
  const client = sdk.createClient({
    baseUrl: BASE_URL,
    userId: session.user_id,
    deviceId: session.device_id,
    accessToken: session.access_token,
    timelineSupport: true,
    cryptoCallbacks,
  });
  if (encrypted) await client.initRustCrypto({ useIndexedDB: false });
  const slidingSync = window && slide(client, window);
  await client.startClient({
    initialSyncLimit,
    slidingSync,
    threadSupport: true,
    pollTimeout: POLL_MS,
  });
  started.push(client);
  await until("the first sync", () => client.isInitialSyncComplete());
  return client;
}

/** The list of a sliding client. */
export const LIST = "rooms";

function slide(client, window) {
  const list = { ranges: [[0, window - 1]], ...ROOM_DETAILS };
  return new SlidingSync(BASE_URL, new Map([[LIST, list]]), ROOM_DETAILS, client, POLL_MS);
}

/** Stops all clients, so that the process can end. */
export function stopAll() {
  for (const client of started.splice(0)) client.stopClient();
}

/** The room, once the client knows it with this membership. */
export function roomOf(client, roomId, membership = "join") {
  return until(`${client.getUserId()} to ${membership}`, () => {
    const room = client.getRoom(roomId);
    return room?.getMyMembership() === membership && room;
  });
}

/** The event, once it is in the client's room or in one of its threads. */
export function eventOf(client, roomId, eventId) {
  return until(`${client.getUserId()} to receive ${eventId}`, () =>
    client.getRoom(roomId)?.findEventById(eventId),
  );
}

/** Has `host` make a room in which `guest` is, too. */
export async function roomFor(host, guest, options = {}) {
  const { room_id: roomId } = await host.createRoom({
    preset: "private_chat",
    invite: [guest.getUserId()],
    ...options,
  });
  await roomOf(guest, roomId, "invite");
  await guest.joinRoom(roomId);
  await roomOf(guest, roomId);
  await until("the host to see the guest", () =>
    host.getRoom(roomId)?.getMember(guest.getUserId())?.membership === "join",
  );
  return roomId;
}
