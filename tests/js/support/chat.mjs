// A client of the chat API, as a web page would write it: fetch and a WebSocket.

import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";

import { BASE_URL, PASSWORD, until } from "./person.mjs";

const API = `${BASE_URL}/api`;
const open = [];

/** A new account with an open socket. */
export async function registerChat(name) {
  const username = `${name}_${randomBytes(4).toString("hex")}`;
  const session = await call("POST", "/auth/register", { username, password: PASSWORD });
  const socket = new WebSocket(`${API.replace(/^http/, "ws")}/ws?all_rooms=true`, [
    "hearth.chat.v1.json",
    `hearth.token.${session.token}`,
  ]);
  const chat = new Chat(session, socket);
  open.push(socket);
  await chat.told("ready");
  return chat;
}

/** Closes all sockets, so that the process can end. */
export function closeAll() {
  for (const socket of open.splice(0)) socket.close();
}

async function call(method, path, body, token) {
  const headers = {};
  if (token) headers.Authorization = `Bearer ${token}`;
  const isJson = body !== undefined && !(body instanceof FormData);
  if (isJson) headers["Content-Type"] = "application/json";
  const reply = await fetch(API + path, {
    method,
    headers,
    body: isJson ? JSON.stringify(body) : body,
  });
  const text = await reply.text();
  assert.ok(reply.ok, `${method} ${path}: ${reply.status} ${text}`);
  return text ? JSON.parse(text) : null;
}

class Chat {
  #session;
  #socket;
  #frames = [];
  #commands = 0;

  constructor(session, socket) {
    this.#session = session;
    this.#socket = socket;
    socket.addEventListener("message", ({ data }) => this.#frames.push(JSON.parse(data)));
  }

  get userId() {
    return this.#session.user.id;
  }

  /** A request; the answer is its body. */
  call(method, path, body) {
    return call(method, path, body, this.#session.token);
  }

  /** Says something over the socket, and waits for the answer. */
  async command(type, fields) {
    this.#commands += 1;
    const id = `c${this.#commands}`;
    this.#socket.send(JSON.stringify({ id, type, ...fields }));
    const answer = await until(`an answer to ${type}`, () =>
      this.#frames.find((frame) => frame.id === id),
    );
    assert.equal(answer.type, "ack", JSON.stringify(answer));
    return answer;
  }

  /** The first frame of this type that `is` accepts, once it was told. */
  told(type, is = () => true) {
    return until(`${this.userId} to be told ${type}`, () =>
      this.#frames.find((frame) => frame.type === type && is(frame)),
    );
  }
}
