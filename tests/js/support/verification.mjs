// Two devices compare emoji.

import assert from "node:assert/strict";

import { CryptoEvent } from "matrix-js-sdk/lib/crypto-api/CryptoEvent.js";
import { VerificationPhase, VerifierEvent } from "matrix-js-sdk/lib/crypto-api/verification.js";

import { until } from "./person.mjs";

const SAS = "m.sas.v1";

/** The next request for a verification that reaches the client. */
export function nextRequest(client) {
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
export async function verify(ours, theirs) {
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
