// On the audio thread: float samples to frames of 16-bit ones, straight to the worker that sends them.

const FRAME_QUANTA = 4; // 32 ms at 16 kHz
const LEVEL_EVERY_FRAMES = 2;
const SOUND = 0.01; // -40 dBFS: louder than a quiet room's noise, softer than any speech
const QUIET_S = 0.3; // sound after as much quiet is the beginning of something

class Capture extends AudioWorkletProcessor {
  constructor() {
    super();
    /** @type {MessagePort | null} */
    this.frames = null;
    this.muted = false;
    this.ended = false;
    this.quanta = 0;
    this.frame = new Int16Array(0);
    this.filled = 0;
    this.position = 0; // of the next sample
    this.heardAt = -Infinity; // position of the last sound
    this.peak = 0;
    this.port.onmessage = ({ data }) => {
      if (data.frames) this.frames = data.frames;
      if (data.muted !== undefined) this.muted = data.muted;
      if (data.ended) this.ended = true;
    };
  }

  /** @param {Float32Array[][]} inputs */
  process([[samples]]) {
    if (this.ended) return false;
    if (!this.frames) return true;
    const quantum = samples?.length ?? 128; // without an input there is silence, and time goes on
    if (this.frame.length === 0) this.frame = new Int16Array(FRAME_QUANTA * quantum);
    for (let at = 0; at < quantum; at += 1) {
      const sample = this.muted || !samples ? 0 : Math.max(-1, Math.min(1, samples[at]));
      this.frame[this.filled + at] = sample * 32767;
      this.hear(Math.abs(sample), this.position + at);
    }
    this.filled += quantum;
    this.position += quantum;
    if (this.filled === this.frame.length) this.send();
    return true;
  }

  /**
   * @param {number} level
   * @param {number} position
   */
  hear(level, position) {
    if (level > this.peak) this.peak = level;
    if (level < SOUND) return;
    if (position - this.heardAt > QUIET_S * sampleRate) this.port.postMessage({ onsetMs: (position / sampleRate) * 1000 });
    this.heardAt = position;
  }

  send() {
    const { buffer } = this.frame;
    this.frame = new Int16Array(0);
    this.filled = 0;
    this.frames?.postMessage(buffer, [buffer]);
    this.quanta += 1;
    if (this.quanta % LEVEL_EVERY_FRAMES === 0) {
      this.port.postMessage({ level: this.peak });
      this.peak = 0;
    }
  }
}

registerProcessor("capture", Capture);
