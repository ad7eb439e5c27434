// Speaks a file through the JavaScript client; a line of JSON for each thing that happens, a line on
// standard input for the rest of the file.
//
//   node speak.mjs URL FILE FIRST_BYTES [TOKEN]

import { readFileSync } from "node:fs";
import { createInterface } from "node:readline";

import { Stopped, TrackClient } from "../../wordloop_ml/web/page/client/index.js";

const [url, file, first, token] = process.argv.slice(2);
const audio = new Uint8Array(readFileSync(file));
const say = (line) => process.stdout.write(`${JSON.stringify(line)}\n`);

const client = new TrackClient(
  url,
  { version: 1, track: "a", encoding: "pcm_s16le", sample_rate: 16000, channels: 1 },
  {
    store: (record) => say({ stored: record }),
    show: () => {},
    forget: () => say({ forgotten: true }),
    broke: (why) => say({ broke: why }),
  },
  { policy: { firstWaitS: 0.01, longestWaitS: 0.1 }, token: () => token ?? null },
);

function put(from, to) {
  for (let at = from; at < to; at += 640) {
    const frame = audio.subarray(at, Math.min(at + 640, to));
    client.put(frame, frame.length / 2);
  }
}

put(0, Number(first));
createInterface({ input: process.stdin }).once("line", () => {
  put(Number(first), audio.length);
  client.end();
});
try {
  say({ done: await client.run() });
  process.exit(0);
} catch (error) {
  if (!(error instanceof Stopped)) throw error;
  say({ stopped: error.code, why: error.why });
  process.exit(3);
}
