// Where sound comes from: a microphone, or another tab. Each is a Source, which feeds a worker by a port of its own.

const RATE = 16_000;

/** What may be wrong with a source, and what to do about it. */
export class NoSound extends Error {}

/**
 * One stream of sound on its way to a worker; `onlevel` gets 0 to 1 some 16 times a second, `ononset`
 * the time in ms at which sound began after quiet, `onend` is called once when the device is gone.
 */
export class Source {
  /** @type {(level: number) => void} */
  onlevel = () => {};
  /** @type {(ms: number) => void} */
  ononset = () => {};
  /** @type {() => void} */
  onend = () => {};
  #stream;
  #context;
  #node;

  /**
   * @param {MediaStream} stream
   * @param {AudioContext} context
   * @param {AudioWorkletNode} node
   * @param {MessagePort} frames
   */
  constructor(stream, context, node, frames) {
    this.#stream = stream;
    this.#context = context;
    this.#node = node;
    /** For the worker: an ArrayBuffer of 16-bit samples for each frame. */
    this.frames = frames;
    const [track] = stream.getAudioTracks();
    this.label = track.label || "the microphone";
    this.deviceId = track.getSettings().deviceId ?? "";
    this.sampleRate = context.sampleRate;
    track.onended = () => this.onend();
    node.port.onmessage = ({ data }) => {
      if (data.level !== undefined) this.onlevel(data.level);
      if (data.onsetMs !== undefined) this.ononset(data.onsetMs);
    };
  }

  /** @param {boolean} muted silence is sent instead, so that time goes on */
  mute(muted) {
    this.#node.port.postMessage({ muted });
  }

  /** Ends the capture and gives the device back. */
  close() {
    this.onend = () => {};
    this.#node.port.postMessage({ ended: true });
    for (const track of this.#stream.getTracks()) track.stop();
    this.#context.close();
  }
}

/**
 * Opens a microphone; asks for permission where there is none yet.
 * @param {object} wanted
 * @param {string} wanted.deviceId "" for the system's choice
 * @param {boolean} wanted.processing echo cancellation, noise suppression and gain, as calls have them
 * @throws {NoSound}
 */
export async function openMicrophone({ deviceId, processing }) {
  if (!navigator.mediaDevices) {
    throw new NoSound("Browsers give the microphone only to pages from https:// or from this machine. Open the page there.");
  }
  const audio = {
    channelCount: 1,
    echoCancellation: processing,
    noiseSuppression: processing,
    autoGainControl: processing,
    ...(deviceId ? { deviceId: { exact: deviceId } } : {}),
  };
  return open(await asked(navigator.mediaDevices.getUserMedia({ audio }), deviceId));
}

/**
 * Opens the sound of another tab, or of the system, as the user chooses.
 * @throws {NoSound}
 */
export async function openTab() {
  if (!navigator.mediaDevices?.getDisplayMedia) throw new NoSound("This browser cannot share the sound of a tab.");
  const wanted = {
    video: true, // must be asked for, and is stopped at once
    audio: { suppressLocalAudioPlayback: false, echoCancellation: false, noiseSuppression: false, autoGainControl: false },
    systemAudio: "include",
    selfBrowserSurface: "exclude",
    surfaceSwitching: "include",
  };
  const stream = await asked(navigator.mediaDevices.getDisplayMedia(wanted), "");
  for (const track of stream.getVideoTracks()) {
    track.stop();
    stream.removeTrack(track);
  }
  if (stream.getAudioTracks().length === 0) {
    throw new NoSound("No sound was shared. Choose a tab, and tick “Also share tab audio” below it.");
  }
  return open(stream);
}

/**
 * Reads a file's sound; of a film, too, where the browser knows the format.
 * @param {File} file
 * @returns {Promise<Int16Array>} at 16 kHz
 * @throws {NoSound}
 */
export async function readFile(file) {
  const context = new OfflineAudioContext(1, 1, RATE);
  let decoded;
  try {
    decoded = await context.decodeAudioData(await file.arrayBuffer());
  } catch {
    throw new NoSound(`This browser cannot read ${file.name}. Try WAV, MP3, Ogg, FLAC or MP4.`);
  }
  const samples = new Int16Array(decoded.length);
  const channels = Array.from({ length: decoded.numberOfChannels }, (_, index) => decoded.getChannelData(index));
  for (let at = 0; at < samples.length; at += 1) {
    let sum = 0;
    for (const channel of channels) sum += channel[at];
    samples[at] = Math.max(-1, Math.min(1, sum / channels.length)) * 32767;
  }
  return samples;
}

/** Returns the microphones; without permission they have no names, and there may be one at most. */
export async function microphones() {
  const devices = (await navigator.mediaDevices?.enumerateDevices()) ?? [];
  return devices.filter(({ kind, deviceId }) => kind === "audioinput" && deviceId);
}

/** @param {MediaStream} stream */
async function open(stream) {
  let context;
  let input;
  try {
    context = new AudioContext({ sampleRate: RATE, latencyHint: "interactive" });
    input = context.createMediaStreamSource(stream);
  } catch {
    // a browser that does not resample: the server does
    context?.close();
    context = new AudioContext({ latencyHint: "interactive" });
    input = context.createMediaStreamSource(stream);
  }
  await context.audioWorklet.addModule(new URL("capture.worklet.js", import.meta.url));
  const node = new AudioWorkletNode(context, "capture", {
    numberOfInputs: 1,
    numberOfOutputs: 0,
    channelCount: 1,
    channelCountMode: "explicit",
  });
  const { port1, port2 } = new MessageChannel();
  node.port.postMessage({ frames: port1 }, [port1]);
  input.connect(node);
  await context.resume();
  return new Source(stream, context, node, port2);
}

/**
 * Waits for a stream; says what to do where there is none.
 * @param {Promise<MediaStream>} stream
 * @param {string} deviceId
 */
async function asked(stream, deviceId) {
  try {
    return await stream;
  } catch (error) {
    const name = error instanceof DOMException ? error.name : "";
    throw new NoSound(WHAT_TO_DO[name] ?? `The sound cannot be opened (${name || error}). Try another device.`, {
      cause: deviceId,
    });
  }
}

/** @type {Record<string, string>} */
const WHAT_TO_DO = {
  NotAllowedError: "The browser was not allowed to listen. Allow the microphone beside the address of this page, then start again.",
  NotFoundError: "No microphone was found. Plug one in, then start again.",
  NotReadableError: "Another program holds the microphone. Close it, then start again.",
  OverconstrainedError: "The chosen microphone is gone. Choose another one in the settings.",
  AbortError: "The microphone stopped while it was being opened. Start again.",
  SecurityError: "The browser forbids the microphone on this page. Its settings for this site say why.",
};
