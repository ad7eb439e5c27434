// How late a first caption is, counted from the sound that it is about.

import assert from "node:assert/strict";
import { test } from "node:test";

import { Meter } from "../../wordloop_ml/web/page/meter.js";

const ORIGIN_MS = 5_000; // of the track, in the meeting
const ZERO_MS = 100_000; // of the track, by the page's clock

/**
 * A caption of one word, whose segment begins at a time of the track.
 * @param {number} start
 * @param {object} more
 */
function caption(start, more = {}) {
  const word = { text: "so", start: ORIGIN_MS + start, end: ORIGIN_MS + start + 600, confidence: 0.9, stable: false };
  return /** @type {any} */ ({ segment: `s-${start}`, words: [word], final: false, replay: false, ...more });
}

/**
 * @param {number[]} onsets
 * @param {any} shown
 */
function first(onsets, shown) {
  const meter = new Meter();
  for (const ms of onsets) meter.heard(ms);
  meter.shown(shown, ORIGIN_MS, ZERO_MS, ZERO_MS + 2_000);
  return meter.first;
}

test("a segment begins before its sound", () => assert.deepEqual(first([1_400], caption(1_000)), [600]));
test("the first sound counts, not one after a pause", () => assert.deepEqual(first([1_350, 1_750], caption(1_000)), [650]));
test("sound of an utterance before does not count", () => assert.deepEqual(first([200, 1_400], caption(1_000)), [600]));
test("who goes on talking makes no first sound", () => assert.deepEqual(first([200], caption(1_000)), []));
test("what was replayed is not measured", () => assert.deepEqual(first([1_400], caption(1_000, { replay: true })), []));
test("only the first caption of a segment counts", () => {
  const meter = new Meter();
  meter.heard(1_400);
  for (const later of [0, 250]) meter.shown(caption(1_000), ORIGIN_MS, ZERO_MS, ZERO_MS + 2_000 + later);
  assert.deepEqual(meter.first, [600]);
  assert.deepEqual(meter.words, [400]);
});
