// What a meeting came to: each item is a link to where it was said.

import { element } from "./transcript_view.js";
import { clock } from "./words.js";

/** @typedef {{text?: string, task?: string, title?: string, owner?: string, due?: string, start?: number, segments: string[]}} Item */

const STAGES = {
  waiting: "Waiting for a turn",
  reading: "Reading",
  writing: "Writing",
  checking: "Checking against what was said",
};

export class SynthesisView {
  #box;
  #transcript;
  #cite;
  #rename;
  /** @type {any} */
  #answer = null;

  /**
   * @param {HTMLElement} box
   * @param {() => import("./transcript.js").Transcript} transcript
   * @param {(segments: string[], turn: number) => void} cite goes to one of the segments of an item
   * @param {(title: string) => void} rename
   */
  constructor(box, transcript, cite, rename) {
    this.#box = box;
    this.#transcript = transcript;
    this.#cite = cite;
    this.#rename = rename;
  }

  /** Whether there is one to be seen. */
  get ready() {
    return this.#answer !== null;
  }

  /** Forgets it. */
  clear() {
    this.#answer = null;
    this.#box.replaceChildren();
  }

  /**
   * @param {string} stage
   * @param {number} done
   * @param {number} total
   */
  progress(stage, done, total) {
    let bar = this.#box.querySelector("progress");
    if (!bar) {
      const label = element(document, "label", "progress");
      bar = document.createElement("progress");
      label.append(element(document, "span"), bar);
      this.#box.replaceChildren(label);
    }
    const label = /** @type {HTMLElement} */ (bar.previousElementSibling);
    label.textContent = `${STAGES[/** @type {keyof typeof STAGES} */ (stage)] ?? "Working"}…`;
    bar.max = Math.max(total, 1);
    if (stage === "waiting") bar.removeAttribute("value");
    else bar.value = done;
  }

  /** @param {string} text */
  fail(text) {
    this.#answer = null;
    this.#box.replaceChildren(element(document, "p", "note", text));
  }

  /** @param {any} answer as docs/synthesis.md has it */
  show(answer) {
    this.#answer = answer;
    const parts = [];
    if (answer.title.text) this.#rename(answer.title.text);
    if (answer.summary.length) parts.push(this.#prose(answer.summary));
    parts.push(
      ...this.#list("Decisions", answer.decisions, ({ text }) => text),
      ...this.#list("To do", answer.action_items, ({ task }) => task),
      ...this.#list("Open questions", answer.open_questions, ({ text }) => text),
      ...this.#list("Topics", answer.topics, ({ title }) => title),
    );
    if (parts.length === 0) parts.push(element(document, "p", "note", "Nothing in this transcript could be summed up."));
    const { kind, model } = answer.made_by;
    const made = kind === "extractive" ? "Chosen from what was said, word for word" : "Summary written by a language model, and checked against what was said";
    parts.push(element(document, "p", "note made", `${made} (${model}). Each line goes to where it was said.`));
    this.#box.replaceChildren(...parts);
  }

  /** As Markdown. */
  get markdown() {
    const answer = this.#answer;
    if (!answer) return "";
    /** @type {(title: string, lines: string[]) => string} */
    const section = (title, lines) => (lines.length ? `\n## ${title}\n\n${lines.map((line) => `- ${line}\n`).join("")}` : "");
    const todo = answer.action_items.map(
      (/** @type {Item} */ { task, owner, due }) => [task, owner && `(${owner})`, due && `by ${due}`].filter(Boolean).join(" "),
    );
    const texts = (/** @type {Item[]} */ items) => items.map(({ text }) => text ?? "");
    return (
      `# ${answer.title.text || "Summary"}\n\n${texts(answer.summary).join(" ")}\n` +
      section("Decisions", texts(answer.decisions)) +
      section("To do", todo) +
      section("Open questions", texts(answer.open_questions))
    );
  }

  /** @param {Item[]} sentences */
  #prose(sentences) {
    const prose = element(document, "p", "prose");
    for (const sentence of sentences) prose.append(this.#link(sentence.text ?? "", sentence), " ");
    return prose;
  }

  /**
   * @param {string} title
   * @param {Item[]} items
   * @param {(item: Item) => string | undefined} textOf
   */
  #list(title, items, textOf) {
    if (items.length === 0) return [];
    const list = element(document, "ul", "items");
    for (const item of items) {
      const line = element(document, "li");
      line.append(this.#link(textOf(item) ?? "", item));
      const facts = element(document, "span", "facts");
      if (item.owner) facts.append(element(document, "span", "fact", item.owner));
      if (item.due) facts.append(element(document, "span", "fact", item.due));
      if (facts.childElementCount) line.append(facts);
      list.append(line);
    }
    return [element(document, "h3", "", title), list];
  }

  /**
   * @param {string} text
   * @param {Item} item
   */
  #link(text, item) {
    const link = citation(text, item.segments[0], this.#transcript());
    const places = item.segments.length;
    if (places > 1) link.title = `Said in ${places} places: again for the next`;
    let turn = 0;
    link.onclick = (event) => {
      event.preventDefault();
      this.#cite(item.segments, turn % places);
      turn += 1;
    };
    return link;
  }
}

/**
 * Makes a link to a segment, with the time at which it was said.
 * @param {string} text
 * @param {string} segment
 * @param {import("./transcript.js").Transcript} transcript
 */
export function citation(text, segment, transcript) {
  const link = /** @type {HTMLAnchorElement} */ (element(document, "a", "cite", text));
  link.href = `#${segment}`;
  const entry = transcript.entries[transcript.indexOf(segment)];
  if (entry) link.append("\u00a0", element(document, "span", "when", clock(entry.start)));
  return link;
}
