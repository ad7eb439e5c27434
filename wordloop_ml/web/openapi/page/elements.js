// Makes elements of plain data: text only ever becomes text nodes.

/** Make an element with attributes and children; "" stands for no child. */
export function el(tag, attributes, ...children) {
  const made = document.createElement(tag);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.append(...children.filter((one) => one !== ""));
  return made;
}

/** Split text at its backticks: what stands between them is code. */
export function prose(text) {
  return text
    .split("`")
    .map((piece, at) => (at % 2 ? el("code", {}, piece) : piece))
    .filter((one) => one !== "");
}
