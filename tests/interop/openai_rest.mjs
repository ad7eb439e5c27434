// OpenAI's client as its documents show it: transcriptions in several forms, a stream, a refusal, models.
// Uploads the file AUDIO and prints what came of each, as JSON.
import { createReadStream } from "node:fs";
import { env } from "node:process";
import OpenAI, { toFile } from "openai";

const client = new OpenAI({ baseURL: env.BASE_URL, apiKey: env.KEY });
const file = () => createReadStream(env.AUDIO);
const { transcriptions, translations } = client.audio;

const json = await transcriptions.create({ file: file(), model: "gpt-transcribe" });
const srt = await transcriptions.create({ file: file(), model: "whisper-1", response_format: "srt" });
const verbose = await transcriptions.create({
  file: await toFile(file(), "speech.wav"),
  model: "whisper-1",
  response_format: "verbose_json",
  timestamp_granularities: ["word", "segment"],
});
const stream = await transcriptions.create({
  file: file(),
  model: "gpt-4o-mini-transcribe",
  stream: true,
});
const events = [];
for await (const event of stream) events.push(event);

let refused = null;
try {
  await translations.create({ file: file(), model: "whisper-1" });
} catch (error) {
  if (!(error instanceof OpenAI.BadRequestError)) throw error;
  const { status, code, param, type, requestID } = error;
  refused = { status, code, param, type, requestID };
}
const models = [];
for await (const model of client.models.list()) models.push(model.id);
console.log(JSON.stringify({ json, srt, verbose, events, refused, models }));
