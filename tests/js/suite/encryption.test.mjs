// Two people chat in an encrypted room, and one of them restores the keys on a second device.

import "../support/runtime.mjs";

import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import { EventType, Method, MsgType } from "matrix-js-sdk";

import {
  ENCRYPTION,
  anotherDevice,
  eventOf,
  passwordAuth,
  register,
  roomFor,
  roomOf,
  stopAll,
  until,
} from "../support/person.mjs";

let alice;
let bob;
let roomId;
let recoveryKey;
const messages = new Map();

/** What a person who knows the recovery key answers to the SDK. */
const cryptoCallbacks = {
  getSecretStorageKey: async ({ keys }) => [Object.keys(keys)[0], recoveryKey.privateKey],
};

before(async () => {
  [alice, bob] = await Promise.all([
    register("alice", { encrypted: true, cryptoCallbacks }),
    register("bob", { encrypted: true }),
  ]);
  roomId = await roomFor(alice, bob, {
    initial_state: [ENCRYPTION],
  });
});

after(stopAll);

async function say(client, body) {
  const content = { msgtype: MsgType.Text, body };
  const { event_id: eventId } = await client.sendEvent(roomId, EventType.RoomMessage, content);
  messages.set(eventId, body);
  return eventId;
}

/** The event, once the client has decrypted it. */
async function decrypted(client, eventId) {
  const event = await eventOf(client, roomId, eventId);
  await until(`${client.getUserId()} to decrypt ${eventId}`, () =>
    event.isEncrypted() && event.getClearContent() && !event.isDecryptionFailure(),
  );
  return event;
}

test("the room is encrypted", async () => {
  for (const client of [alice, bob]) {
    await until("encryption", () => client.getCrypto().isEncryptionEnabledInRoom(roomId));
  }
});

test("each decrypts the other's message", async () => {
  const fromAlice = await decrypted(bob, await say(alice, "a secret"));
  assert.equal(fromAlice.getWireType(), EventType.RoomMessageEncrypted);
  assert.equal(fromAlice.getWireContent().algorithm, "m.megolm.v1.aes-sha2");
  assert.equal(fromAlice.getContent().body, "a secret");
  const fromBob = await decrypted(alice, await say(bob, "another secret"));
  assert.equal(fromBob.getContent().body, "another secret");
  assert.equal(fromBob.getSender(), bob.getUserId());
});

test("cross-signing and a key backup are set up", async () => {
  const crypto = alice.getCrypto();
  const authUploadDeviceSigningKeys = passwordAuth(alice);
  await crypto.bootstrapCrossSigning({ authUploadDeviceSigningKeys });
  await crypto.bootstrapSecretStorage({
    createSecretStorageKey: async () => {
      recoveryKey = await crypto.createRecoveryKeyFromPassphrase();
      return recoveryKey;
    },
    setupNewSecretStorage: true,
    setupNewKeyBackup: true,
  });
  await until("cross-signing", () => crypto.isCrossSigningReady());
  await until("secret storage", () => crypto.isSecretStorageReady());
  await until("the backup", () => crypto.getActiveSessionBackupVersion());
  await until("the keys in the backup", async () => {
    const backup = await alice.http.authedRequest(Method.Get, "/room_keys/version");
    return backup.count >= 2;
  });
});

test("a second device restores the keys and reads the past", async () => {
  assert.ok(recoveryKey, "there is no backup to restore");
  const phone = await anotherDevice(alice, { encrypted: true, cryptoCallbacks });
  const crypto = phone.getCrypto();
  assert.ok(await crypto.userHasCrossSigningKeys(phone.getUserId(), true));
  await crypto.bootstrapCrossSigning({
    authUploadDeviceSigningKeys: async () => assert.fail("the keys exist already"),
  });
  await crypto.loadSessionBackupPrivateKeyFromSecretStorage();
  const restored = await crypto.restoreKeyBackup();
  assert.ok(restored.imported >= 2, `${restored.imported} keys restored`);
  await roomOf(phone, roomId);
  for (const [eventId, body] of messages) {
    const event = await decrypted(phone, eventId);
    assert.equal(event.getContent().body, body);
  }
  await until("the new device to be signed", async () => {
    const status = await alice
      .getCrypto()
      .getDeviceVerificationStatus(alice.getUserId(), phone.getDeviceId());
    return status?.signedByOwner;
  });
});

test("a new message reaches all devices", async () => {
  const eventId = await say(bob, "for all of you");
  const event = await decrypted(alice, eventId);
  assert.equal(event.getContent().body, "for all of you");
});
