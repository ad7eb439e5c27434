// States for screen readers: the latest, and no more than one in five seconds.

const EVERY_MS = 5_000;

/**
 * @param {HTMLElement} box with `role="status"`
 * @returns {(text: string) => void}
 */
export function announcer(box) {
  let saidAt = -Infinity;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let saying;
  return (text) => {
    clearTimeout(saying);
    saying = setTimeout(
      () => {
        saidAt = performance.now();
        box.textContent = text;
      },
      Math.max(0, saidAt + EVERY_MS - performance.now()),
    );
  };
}
