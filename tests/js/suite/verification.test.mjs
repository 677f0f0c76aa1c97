// Two devices of one person, and then two people, verify each other by comparing emoji.

import "../support/runtime.mjs";

import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import {
  ENCRYPTION,
  anotherDevice,
  passwordAuth,
  register,
  roomFor,
  stopAll,
  until,
} from "../support/person.mjs";
import { nextRequest, verify } from "../support/verification.mjs";

let alice;
let phone;
let bob;

before(async () => {
  [alice, bob] = await Promise.all([
    register("alice", { encrypted: true }),
    register("bob", { encrypted: true }),
  ]);
  for (const client of [alice, bob]) {
    const authUploadDeviceSigningKeys = passwordAuth(client);
    await client.getCrypto().bootstrapCrossSigning({ authUploadDeviceSigningKeys });
  }
  phone = await anotherDevice(alice, { encrypted: true });
});

after(stopAll);

test("a second device is verified by the first", async () => {
  const incoming = nextRequest(alice);
  await until("the phone to know the first device", async () => {
    const devices = await phone.getCrypto().getUserDeviceInfo([phone.getUserId()], true);
    return devices.get(phone.getUserId())?.has(alice.getDeviceId());
  });
  await verify(await phone.getCrypto().requestOwnUserVerification(), await incoming);
  for (const client of [alice, phone]) {
    await until("the phone to be signed by its owner", async () => {
      const crypto = client.getCrypto();
      const status = await crypto.getDeviceVerificationStatus(
        phone.getUserId(),
        phone.getDeviceId(),
      );
      return status?.signedByOwner;
    });
  }
});

test("two people verify each other in a room", async () => {
  const roomId = await roomFor(alice, bob, { is_direct: true, initial_state: [ENCRYPTION] });
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
