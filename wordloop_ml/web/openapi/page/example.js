// A command that tries a route, made of what the document says of it.

const quoted = (text) => `'${text.replaceAll("'", `'\\''`)}'`;

/** Make the command; for a WebSocket its address. needsToken: whether it has to send one. */
export function example({ path, method, operation }, needsToken) {
  const address = new URL(`.${path}`, document.baseURI).href.replace(/%7B/g, "{").replace(/%7D/g, "}");
  if ("101" in operation.responses) return address.replace(/^http/, "ws");
  const parts = [];
  if (needsToken) parts.push('-H "Authorization: Bearer $TOKEN"');
  parts.push(...body(operation.requestBody));
  const command = method === "get" ? "curl" : `curl -X ${method.toUpperCase()}`;
  return [`${command} ${quoted(address)}`, ...parts].join(" \\\n  ");
}

function body(request) {
  const [type, media] = Object.entries(request?.content ?? {})[0] ?? [];
  if (type === undefined) return [];
  if (type === "multipart/form-data") {
    return Object.entries(media["x-curl"] ?? {}).map(([key, value]) => `-F ${quoted(`${key}=${value}`)}`);
  }
  const headers = [`-H ${quoted(`Content-Type: ${type}`)}`];
  return type === "application/json"
    ? [...headers, `-d ${quoted(JSON.stringify(media.example ?? {}))}`]
    : [...headers, "--data-binary @talk.wav"];
}
