// OpenAI's client as its documents show it: open a transcription session, append audio, collect events.
// Speaks the file AUDIO (24 kHz s16le) and prints the events up to the first transcript, as JSON.
import { readFile } from "node:fs/promises";
import { env } from "node:process";
import OpenAI from "openai";
import { OpenAIRealtimeWS } from "openai/realtime/ws";

const client = new OpenAI({ baseURL: env.BASE_URL, apiKey: env.KEY });
const rt = new OpenAIRealtimeWS({ intent: "transcription" }, client);
const events = [];

rt.on("event", (event) => events.push(event));
rt.on("error", (error) => {
  throw error;
});
rt.socket.on("open", async () => {
  rt.send({
    type: "session.update",
    session: {
      type: "transcription",
      audio: {
        input: {
          format: { type: "audio/pcm", rate: 24000 },
          transcription: { model: "gpt-4o-transcribe", language: "en" },
          turn_detection: { type: "server_vad" },
        },
      },
    },
  });
  const audio = await readFile(env.AUDIO);
  for (let at = 0; at < audio.length; at += 4800) {
    const piece = audio.subarray(at, at + 4800);
    rt.send({ type: "input_audio_buffer.append", audio: piece.toString("base64") });
  }
});
rt.on("conversation.item.input_audio_transcription.completed", () => {
  console.log(JSON.stringify(events));
  rt.close();
});
