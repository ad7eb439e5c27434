// The page's documents, letter by letter those of `wordloop-ml transcribe`.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

import { render } from "../../wordloop_ml/web/page/formats.js";

for (const [index, { segments, documents }] of JSON.parse(readFileSync(process.env.RECORDED, "utf-8")).entries()) {
  for (const [format, text] of Object.entries(documents)) {
    test(`transcript ${index} as ${format}`, () => {
      const got = render(segments, format);
      if (format === "json") assert.deepEqual(JSON.parse(got), JSON.parse(text));
      else assert.equal(got, text);
    });
  }
}
