// Two devices of one person, and then two people, verify each other by comparing emoji.

import "../support/runtime.mjs";

import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import { CryptoEvent } from "matrix-js-sdk/lib/crypto-api/CryptoEvent.js";
import { VerificationPhase, VerifierEvent } from "matrix-js-sdk/lib/crypto-api/verification.js";

import {
  ENCRYPTION,
  anotherDevice,
  passwordAuth,
  register,
  roomFor,
  stopAll,
  until,
} from "../support/person.mjs";

const SAS = "m.sas.v1";

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

/** The next request for a verification that reaches the client. */
function nextRequest(client) {
  return new Promise((resolve) => client.once(CryptoEvent.VerificationRequestReceived, resolve));
}

/** Compares emoji on one side; the answer is what the person saw. */
async function compare(verifier) {
  const shown = new Promise((resolve) => verifier.once(VerifierEvent.ShowSas, resolve));
  const done = verifier.verify();
  const callbacks = verifier.getShowSasCallbacks() ?? (await shown);
  const seen = callbacks.sas.emoji.map(([emoji]) => emoji).join("");
  return { seen, finish: () => Promise.all([callbacks.confirm(), done]) };
}

/** Takes a verification from its acceptance to its end, on both sides. */
async function verify(ours, theirs) {
  await theirs.accept();
  await until("both to be ready", () => ours.phase === VerificationPhase.Ready);
  const ourVerifier = await ours.startVerification(SAS);
  await until("the other side to start", () => theirs.verifier);
  const sides = await Promise.all([compare(ourVerifier), compare(theirs.verifier)]);
  assert.equal(sides[0].seen, sides[1].seen);
  assert.ok(sides[0].seen.length > 0);
  await Promise.all(sides.map((side) => side.finish()));
  for (const request of [ours, theirs]) {
    await until("the verification to end", () => request.phase === VerificationPhase.Done);
  }
}

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
