// More captions than anyone can say, given to the page as its worker gives them; for measure.py.

(async () => {
  const { meeting } = await import("/page/main.js");
  const { Meter } = await import("/page/meter.js");

  const WORDS = "the remote control needs a display and two buttons that people find in the dark".split(" ");
  const WORDS_A_SEGMENT = 20;
  const SEGMENT_MS = 7_500; // 160 words a minute
  const track = {
    id: "load-1",
    label: "Load",
    voice: 0,
    kind: "microphone",
    originMs: 0,
    worker: { postMessage() {}, terminate() {} },
    source: null,
    meter: new Meter(),
    report: { state: "live", keptS: 0, behindS: 0, done: 0, why: "" },
    over: false,
  };
  meeting.tracks.set(track.id, track);
  meeting.beganMs = performance.timeOrigin + performance.now();
  document.body.dataset.state = "live";
  let number = 0;

  const frame = () => new Promise((resolve) => requestAnimationFrame(resolve));

  /** A caption of the segment at hand with so many of its words; the last one is final. */
  function caption(count) {
    const start = number * SEGMENT_MS;
    const words = Array.from({ length: count }, (_, index) => ({
      text: WORDS[(number + index) % WORDS.length],
      start: start + index * 350,
      end: start + index * 350 + 300,
      confidence: 0.9,
      stable: index < count - 4,
    }));
    const final = count === WORDS_A_SEGMENT;
    const message = {
      type: "caption",
      segment: `load-${start}`,
      epoch: 1,
      track: track.id,
      start,
      end: start + count * 350,
      text: words.map(({ text }) => text).join(" "),
      words,
      final,
      speech_final: final,
      replay: false,
      language: "en",
      ...(final ? { seq: number + 1, committed: 1 } : {}),
    };
    const zeroMs = performance.timeOrigin + performance.now() - message.end;
    meeting.take(track, final ? { type: "final", record: message, zeroMs } : { type: "interim", caption: message, zeroMs });
    if (final) number += 1;
  }

  globalThis.simulateHour = async () => {
    for (const until = number + 3_600_000 / SEGMENT_MS; number < until; ) {
      for (let count = 4; count <= WORDS_A_SEGMENT; count += 4) caption(count);
      await frame();
    }
    globalThis.gc?.();
    await frame();
    return {
      nodes: document.querySelectorAll("*").length,
      heap_mb: performance.memory.usedJSHeapSize / 2 ** 20,
      segments: number,
    };
  };

  globalThis.captionsPerSecond = async (rate, seconds) => {
    const long = [];
    const observer = new PerformanceObserver((list) => long.push(...list.getEntries().map(({ duration }) => duration)));
    observer.observe({ type: "longtask" });
    const began = performance.now();
    let given = 0;
    let count = 0;
    while (performance.now() - began < seconds * 1000) {
      for (; given < ((performance.now() - began) / 1000) * rate; given += 1) {
        count = (count % WORDS_A_SEGMENT) + 1;
        caption(count);
      }
      await new Promise((resolve) => setTimeout(resolve, 4));
    }
    observer.disconnect();
    return long;
  };
})();
