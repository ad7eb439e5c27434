// Deepgram's client as its README shows it: listen.v1, listen.v2 (Flux), then a whole file.
// Speaks the WAV file AUDIO and prints what came, as JSON.
import { createReadStream } from "node:fs";
import { readFile } from "node:fs/promises";
import { env } from "node:process";
import { DeepgramClient } from "@deepgram/sdk";

const client = new DeepgramClient({ apiKey: env.KEY, baseUrl: env.BASE_URL });
const audio = await readFile(env.AUDIO);
const HEADER_BYTES = 44;

async function speak(connection, data) {
  const messages = [];
  const closed = [];
  const ended = new Promise((resolve) => {
    connection.on("open", () => {});
    connection.on("message", (message) => messages.push(message));
    connection.on("close", (event) => {
      closed.push(event.code);
      resolve();
    });
  });
  connection.connect();
  await connection.waitForOpen();
  for (let at = 0; at < data.length; at += 8192) {
    connection.sendMedia(data.subarray(at, at + 8192));
  }
  connection.sendCloseStream({ type: "CloseStream" });
  await ended;
  connection.close();
  return { messages, closed };
}

const results = await speak(
  await client.listen.v1.connect({
    model: "nova-3",
    language: "en",
    punctuate: "true",
    interim_results: "true",
  }),
  audio,
);
const turns = await speak(
  await client.listen.v2.connect({
    model: "flux-general-en",
    encoding: "linear16",
    sample_rate: 16000,
  }),
  audio.subarray(HEADER_BYTES),
);
const file = await client.listen.v1.media.transcribeFile(createReadStream(env.AUDIO), {
  model: "nova-3",
});
console.log(
  JSON.stringify({
    results: results.messages,
    closed: results.closed,
    turns: turns.messages,
    file,
  }),
);
