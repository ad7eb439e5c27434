// The JavaScript client's session, played what the Python client's was asked, answer by answer.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

import * as client from "../../wordloop_ml/web/page/client/index.js";

const { sessions, breaks, actions } = JSON.parse(readFileSync(process.env.RECORDED, "utf-8"));

const camel = (name) => name.replace(/_(\w)/g, (_, letter) => letter.toUpperCase());
const camels = (values) => Object.fromEntries(Object.entries(values).map(([name, value]) => [camel(name), value]));
const snakes = (values) =>
  Object.fromEntries(
    Object.entries(values).map(([name, value]) => [name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`), value]),
  );

function plain(answer) {
  if (answer instanceof Uint8Array) return { frame: Buffer.from(answer).toString("base64") };
  if (answer === null || answer === undefined) return null;
  if (answer.kind === "hand_over") return { ...answer, standing: snakes(answer.standing) };
  if (answer.kind === "give_up") return { kind: answer.kind, code: answer.code };
  return answer;
}

function told(answer) {
  if (typeof answer?.record === "string") return { ...answer, record: client.parseServer(answer.record) };
  if (typeof answer?.caption === "string") return { ...answer, caption: client.parseServer(answer.caption) };
  return answer;
}

function ask(session, call, arguments_) {
  const [first, second] = arguments_;
  if (call === "add") return session.add(Buffer.from(first, "base64"), second);
  if (call === "take") return session.take(first, client.parseServer(second));
  return session[camel(call)](...arguments_);
}

function answerOf(session, call, arguments_) {
  try {
    return plain(ask(session, call, arguments_));
  } catch (error) {
    if (error instanceof client.BrokenPromise) return { raises: "BrokenPromise" };
    if (error instanceof client.OutOfTurn) return { raises: "OutOfTurn" };
    throw error;
  }
}

for (const [index, recorded] of sessions.entries()) {
  test(`session ${index}: ${recorded.steps.length} steps`, () => {
    const session = new client.ReplaySession(recorded.stream, {
      random: () => recorded.random,
      policy: camels(recorded.policy),
      standing: camels(recorded.standing),
      position: recorded.position,
      live: recorded.live,
    });
    for (const [number, step] of recorded.steps.entries()) {
      const answer = answerOf(session, step.call, step.with);
      assert.deepEqual(answer, told(step.answer), `step ${number}: ${step.call}`);
      const state = Object.fromEntries(Object.keys(step.state).map((name) => [name, session[camel(name)]]));
      assert.deepEqual(state, step.state, `after step ${number}: ${step.call}`);
    }
  });
}

for (const { why, action, code, words } of breaks) {
  test(`break ${JSON.stringify(why)}`, () => {
    assert.deepEqual(
      [client.action(why), client.errorCode(why), client.describe(why)],
      [action, code, words],
    );
  });
}

test("there is one table of close codes", () => {
  assert.deepEqual({ ...client.CLIENT_ACTIONS }, actions);
});
