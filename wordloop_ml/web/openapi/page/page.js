// Fetches openapi.json and renders it. With a token the service asks for one: it is kept in this
// variable alone.

import { example } from "./example.js";
import { el, prose } from "./elements.js";
import { Schemas } from "./schemas.js";

const NARROW = window.matchMedia("(max-width: 56rem)");
const METHODS = ["get", "post", "put", "patch", "delete"];

const byId = (id) => document.getElementById(id);

async function load(token) {
  const headers = token ? { Authorization: `Bearer ${token}` } : {};
  return fetch("openapi.json", { headers, cache: "no-store", credentials: "omit" });
}

async function show(token) {
  const status = byId("status");
  status.textContent = "Loading the routes …";
  let answer;
  try {
    answer = await load(token);
  } catch {
    status.textContent = "The service cannot be reached. Is it running?";
    return;
  }
  if (answer.status === 401) {
    byId("access").hidden = false;
    status.textContent = token ? "This token is refused." : "";
    byId("token").focus();
    return;
  }
  if (!answer.ok) {
    status.textContent = `The service answers ${answer.status}. Try again later.`;
    return;
  }
  const page = await answer.json();
  byId("access").hidden = true;
  byId("token").value = "";
  status.textContent = "";
  render(page);
}

function render(page) {
  byId("version").textContent = page.info.version;
  byId("about").replaceChildren(...prose([page.info.summary, page.info.description].join(" ")));
  const groups = grouped(page);
  const schemas = {
    asked: new Schemas(page.components.schemas, "required"),
    answered: new Schemas(page.components.schemas, "always"),
  };
  byId("contents").replaceChildren(contents(groups));
  byId("contents").hidden = false;
  byId("content").replaceChildren(
    ...groups.map(({ tag, operations }) =>
      el(
        "section",
        { "aria-labelledby": `group-${slug(tag.name)}` },
        el("h2", { id: `group-${slug(tag.name)}` }, tag.name),
        el("p", {}, ...prose(tag.description ?? "")),
        ...operations.map((one) => article(one, page, schemas)),
      ),
    ),
  );
  // the target of a link into the page exists only now
  if (location.hash) byId(decodeURIComponent(location.hash.slice(1)))?.scrollIntoView();
}

function grouped(page) {
  const all = Object.entries(page.paths).flatMap(([path, item]) =>
    METHODS.filter((method) => item[method] && !item[method]["x-internal"]).map((method) => ({
      path,
      method,
      operation: item[method],
    })),
  );
  return page.tags
    .map((tag) => ({
      tag,
      operations: all.filter(({ operation }) => operation.tags.includes(tag.name)),
    }))
    .filter(({ operations }) => operations.length);
}

const slug = (text) => text.toLowerCase().replace(/[^a-z0-9]+/g, "-");
const anchor = ({ operation }) => `route-${operation.operationId}`;
const methodOf = (route) => ("101" in route.operation.responses ? "ws" : route.method);

/** The method and the path. socket: what a route that becomes a WebSocket is called. */
function name(route, socket = "WebSocket") {
  const method = methodOf(route);
  return [
    el("span", { class: `method ${method}` }, method === "ws" ? socket : method.toUpperCase()),
    " ",
    el("code", { class: "path" }, route.path),
  ];
}

function contents(groups) {
  const lists = groups.flatMap(({ tag, operations }) => [
    el("h2", {}, tag.name),
    el(
      "ul",
      {},
      ...operations.map((route) =>
        el("li", {}, el("a", { href: `#${anchor(route)}` }, ...name(route, "WS"))),
      ),
    ),
  ]);
  const list = el("details", {}, el("summary", {}, "Routes"), ...lists);
  const fit = () => {
    list.open = !NARROW.matches;
  };
  fit();
  NARROW.addEventListener("change", fit);
  return list;
}

function article(route, page, schemas) {
  const { operation } = route;
  const needsToken = (operation.security ?? page.security).length > 0;
  return el(
    "article",
    { id: anchor(route), "aria-labelledby": `${anchor(route)}-name` },
    el("h3", { id: `${anchor(route)}-name` }, ...name(route)),
    el("p", { class: "summary" }, operation.summary),
    operation.description ? el("p", {}, ...prose(operation.description)) : "",
    el("p", { class: "access" }, needsToken ? "Wants the token." : "Open: wants no token."),
    parameters(operation.parameters ?? [], schemas.asked),
    body(operation.requestBody, schemas.asked),
    answers(operation.responses, page, schemas.answered),
    code(example(route, needsToken)),
  );
}

function part(title, ...children) {
  return el("section", { class: "part" }, el("h4", {}, title), ...children);
}

function parameters(all, schemas) {
  if (!all.length) return "";
  const rows = all.map((one) =>
    schemas.field(one.name, { description: one.description, ...one.schema }, one.required, one.in),
  );
  return part("Parameters", el("ul", { class: "fields" }, ...rows));
}

function body(request, schemas) {
  if (!request) return "";
  return part(
    request.required ? "Body" : "Body (optional)",
    request.description ? el("p", {}, ...prose(request.description)) : "",
    ...contentOf(request.content, schemas, true),
  );
}

function contentOf(content, schemas, open) {
  return Object.entries(content ?? {}).map(([type, media]) =>
    el(
      "div",
      { class: "media" },
      el("p", { class: "type" }, el("code", {}, type)),
      schemas.view(media.schema ?? {}, open),
      media["x-events"] ? named("Events", media["x-events"], schemas) : "",
    ),
  );
}

function named(title, all, schemas) {
  const rows = Object.entries(all).map(([key, schema]) => schemas.field(key, schema));
  return el("div", {}, el("p", { class: "type" }, title), el("ul", { class: "fields" }, ...rows));
}

function answers(responses, page, schemas) {
  const rows = Object.entries(responses).map(([status, answer]) => {
    const headers = Object.entries(answer.headers ?? {}).map(([key, header]) => {
      const found = header.$ref ? page.components.headers[header.$ref.split("/").at(-1)] : header;
      return schemas.field(key, { description: found.description, ...found.schema }, found.required);
    });
    const inside = [
      headers.length ? el("p", { class: "type" }, "Headers") : "",
      headers.length ? el("ul", { class: "fields" }, ...headers) : "",
      ...contentOf(answer.content, schemas, status < 400),
      answer["x-websocket"] ? named("Messages", answer["x-websocket"], schemas) : "",
    ];
    const kind = status < 400 ? "good" : "bad";
    return el(
      "details",
      { class: "answer" },
      el(
        "summary",
        {},
        el("span", { class: `status ${kind}` }, status),
        " ",
        ...prose(answer.description),
      ),
      ...inside,
    );
  });
  return part("Answers", ...rows);
}

function code(text) {
  if (!text) return "";
  const button = el("button", { type: "button" }, "Copy");
  button.addEventListener("click", async () => {
    try {
      await navigator.clipboard.writeText(text);
      button.textContent = "Copied";
    } catch {
      button.textContent = "Select and copy by hand";
    }
    setTimeout(() => {
      button.textContent = "Copy";
    }, 2000);
  });
  return part(
    "Example",
    el("div", { class: "example" }, el("pre", { tabindex: "0" }, el("code", {}, text)), button),
  );
}

byId("access").addEventListener("submit", (event) => {
  event.preventDefault();
  show(byId("token").value.trim());
});
show("");
