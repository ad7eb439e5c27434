// The JavaScript client of wordloop-ml, for browsers and Node 20 and later; docs/client.md has its rules.
//
//   const client = new TrackClient("http://127.0.0.1:8090/v1/meetings/weekly/audio",
//     { version: 1, track: "ana", encoding: "pcm_s16le", sample_rate: 16000, channels: 1 },
//     { store: (final) => save(final), show: (caption) => draw(caption), forget: () => clear() });
//   const over = client.run();
//   client.put(frame, samples); // a Uint8Array of audio, again and again
//   client.end();
//   await over;
//
// Node has a WebSocket from 22 on; Node 20 by --experimental-websocket, or pass that of the package ws.

export { action, CLIENT_ACTIONS, describe, errorCode, mayBeTheAudio } from "./breaks.js";
export { Broken, Connection, SUBPROTOCOL } from "./connection.js";
export { encodeClient, NoMessage, parseServer } from "./messages.js";
export { BackOff, BrokenPromise, OutOfTurn, REPLAY_POLICY, ReplayBuffer, ReplaySession } from "./session.js";
export { Stopped, TrackClient } from "./track.js";
