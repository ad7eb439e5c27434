// Shows JSON Schemas: a line a field, with what is inside it behind a disclosure.

import { el, prose } from "./elements.js";

const PLACE = "#/components/schemas/";
const number = new Intl.NumberFormat("en");
const shown = (value) => el("code", {}, JSON.stringify(value));

/** Shows schemas of one document. */
export class Schemas {
  #all;
  #required;

  /** all: by name. required: what a field is called that must be there. */
  constructor(all, required) {
    this.#all = all;
    this.#required = required;
  }

  /** Show a schema; open: with its fields, not behind a disclosure. */
  view(schema, open = false) {
    const whole = this.#resolved(schema);
    const inside = this.#inside(whole);
    const label = el("span", {}, ...this.#label(whole));
    const about = whole.description ? [el("p", {}, ...prose(whole.description))] : [];
    if (!inside) return el("div", { class: "schema" }, label, ...about);
    if (open) return el("div", { class: "schema" }, label, ...about, inside());
    return el("div", { class: "schema" }, ...about, this.#disclosure([label], inside));
  }

  /** Show a field of an object: its name, its kind and bounds, what it means, and what is in it. */
  field(name, schema, required = false, place = "") {
    const whole = this.#resolved(schema);
    const inside = this.#inside(whole);
    const kind = el("span", { class: "kind" }, ...this.#label(whole));
    return el(
      "li",
      {},
      el("code", { class: "name" }, name),
      " ",
      kind,
      place ? el("span", { class: "flag" }, ` ${place}`) : "",
      required ? el("span", { class: `flag ${this.#required}` }, ` ${this.#required}`) : "",
      whole.description ? el("p", {}, ...prose(whole.description)) : "",
      inside ? this.#disclosure(["What is in ", el("code", {}, name)], inside) : "",
    );
  }

  /** A disclosure that is filled when it is opened: schemas may hold themselves. */
  #disclosure(label, inside) {
    const made = el("details", { class: "inside" }, el("summary", {}, ...label));
    made.addEventListener("toggle", () => made.append(inside()), { once: true });
    return made;
  }

  #resolved(schema) {
    const { $ref: place, ...own } = schema;
    let whole = own;
    if (place) whole = { ...this.#resolved(this.#all[place.slice(PLACE.length)]), ...own };
    if (whole.allOf?.every((one) => !one.if)) {
      const { allOf, ...rest } = whole;
      whole = allOf.map((one) => this.#resolved(one)).reduce(merged, rest);
    }
    return whole;
  }

  /** What makes the fields or cases of a schema; undefined where it has none. */
  #inside(schema) {
    const cases = this.#cases(schema);
    if (schema.properties) return () => this.#fields(schema);
    if (schema.items) {
      const items = this.#resolved(schema.items);
      return this.#inside(items) ?? (items.description ? () => this.view(items) : undefined);
    }
    if (cases.length === 1) return this.#inside(cases[0]);
    if (cases.length > 1 && cases.some((one) => this.#inside(one) || one.description)) {
      return () => el("ul", { class: "fields" }, ...cases.map((one) => this.#case(one)));
    }
    return undefined;
  }

  #case(schema) {
    const kind = schema.properties?.type?.const;
    if (kind !== undefined) return this.field(kind, schema);
    return el("li", {}, this.view(schema));
  }

  #fields(schema) {
    const rows = Object.entries(schema.properties).map(([name, one]) =>
      this.field(name, one, schema.required?.includes(name)),
    );
    return el("ul", { class: "fields" }, ...rows);
  }

  #cases(schema) {
    return (schema.anyOf ?? schema.oneOf ?? [])
      .map((one) => this.#resolved(one))
      .filter((one) => one.type !== "null");
  }

  /** Say what a schema allows, in words and code. */
  #label(schema) {
    if ("const" in schema) return [shown(schema.const)];
    const byDefault = "default" in schema ? [", by default ", shown(schema.default)] : [];
    if (schema.enum) {
      return [...joined(schema.enum.filter((one) => one !== null).map((one) => [shown(one)])), ...byDefault];
    }
    const cases = this.#cases(schema);
    if (cases.length > 3 || (cases.length > 1 && cases.every((one) => one.type === "object"))) {
      return [`one of ${cases.length} kinds`];
    }
    if (cases.length) return joined(cases.map((one) => this.#label(one)));
    const types = [schema.type ?? "anything"].flat().filter((one) => one !== "null");
    const words = schema.contentMediaType ? "file" : types.map((one) => WORDS[one] ?? one).join(" or ");
    if (schema.items) {
      const items = this.#label(this.#resolved(schema.items));
      return ["list of ", ...items, bounds(schema.minItems, schema.maxItems, " items")];
    }
    const parts = [words];
    parts.push(bounds(schema.minimum, schema.maximum));
    parts.push(bounds(schema.minLength, schema.maxLength, " characters"));
    if (schema.format) parts.push(`, ${schema.format}`);
    const label = [parts.join("")];
    if (schema.pattern) label.push(" that matches ", el("code", { class: "pattern" }, schema.pattern));
    return [...label, ...byDefault];
  }
}

const WORDS = {
  object: "object",
  string: "text",
  integer: "whole number",
  number: "number",
  boolean: "true or false",
  array: "list",
};

/** Say between which numbers something is; what every JSON reader can hold is no bound. */
function bounds(low, high, unit = "") {
  const ends = [low, high > 2 ** 51 ? undefined : high];
  const [from, to] = ends.map((one) => (one === undefined ? undefined : number.format(one)));
  if (from === undefined && to === undefined) return "";
  if (to === undefined) return `, ${from}${unit} or more`;
  if (from === undefined) return `, up to ${to}${unit}`;
  return from === to ? `, ${from}${unit}` : `, ${from} to ${to}${unit}`;
}

function joined(labels) {
  return labels.flatMap((one, at) => (at === 0 ? one : [at === labels.length - 1 ? " or " : ", ", ...one]));
}

function merged(before, more) {
  const properties = { ...before.properties };
  for (const [name, one] of Object.entries(more.properties ?? {})) {
    properties[name] = name in properties ? merged(properties[name], one) : one;
  }
  const whole = { ...before, ...more };
  if (Object.keys(properties).length) whole.properties = properties;
  if (before.required || more.required) {
    whole.required = [...(before.required ?? []), ...(more.required ?? [])];
  }
  // a list of what is allowed says more than the rule that holds for all of it
  if (whole.enum) delete whole.pattern;
  return whole;
}
