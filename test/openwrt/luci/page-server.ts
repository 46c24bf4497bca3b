// Serves the app's pages as a router would: LuCI's own files from a checkout of its repository, the app's from board/, the
// answers of ubus from the stub.
import { existsSync, readFileSync } from "node:fs";
import { join, normalize } from "node:path";
import type { StubUbus } from "./stub-ubus.ts";

export const APP = join(import.meta.dir, "../../../board/openwrt/luci-app-minismbd");
const MENU = join(APP, "root/usr/share/luci/menu.d/luci-app-minismbd.json");
const PREFIX = "/cgi-bin/luci/";
const BASE = "admin/services/minismbd";
/** Of a page's address: the user of LuCI has the rights to read alone. */
export const READ_ONLY = "?readonly";
/** Directories of static files in a checkout of github.com/openwrt/luci. */
const LUCI_FILES = ["modules/luci-base/htdocs", "themes/luci-theme-bootstrap/htdocs"];
const TYPES: Readonly<Record<string, string>> = { js: "text/javascript", css: "text/css", png: "image/png" };

interface MenuNode {
  title?: string;
  order?: number;
  action?: { readonly type: string; readonly path?: string };
  satisfied: boolean;
  children?: Record<string, MenuNode>;
}

interface RpcRequest {
  readonly id: number;
  readonly method: string;
  readonly params?: readonly [string, string, string, Readonly<Record<string, unknown>>];
}

/** Throws where `luci` is no checkout of LuCI. */
export function servePages(luci: string, ubus: StubUbus): { url: (page: string) => string; stop(): void } {
  if (!existsSync(join(luci, LUCI_FILES[0] ?? "", "luci-static/resources/luci.js")))
    throw new Error(`${luci} is no checkout of LuCI: it has no ${LUCI_FILES[0]}`);
  const server = Bun.serve({
    port: 0,
    hostname: "127.0.0.1",
    async fetch(request) {
      const { pathname, search } = new URL(request.url);
      if (pathname === "/ubus/") return Response.json(answerAll(ubus, await request.json()));
      if (pathname === `${PREFIX}admin/menu`) return Response.json(readMenu());
      if (pathname.startsWith(`${PREFIX}admin/translations`)) return script("window.TR = {};");
      if (pathname.startsWith(`${PREFIX}${BASE}/`))
        return html(pathname.slice(PREFIX.length), search === READ_ONLY);
      return serveFile(luci, pathname);
    },
  });
  return {
    url: (page) => `http://127.0.0.1:${server.port}${PREFIX}${BASE}/${page}`,
    stop: () => void server.stop(true),
  };
}

function serveFile(luci: string, pathname: string): Response {
  const path = normalize(decodeURIComponent(pathname));
  for (const root of [join(APP, "htdocs"), ...LUCI_FILES.map((one) => join(luci, one))]) {
    const file = join(root, path);
    if (!existsSync(file) || !file.startsWith(root)) continue;
    const type = TYPES[file.split(".").at(-1) ?? ""] ?? "application/octet-stream";
    return new Response(readFileSync(file), { headers: { "content-type": type } });
  }
  return new Response("", { status: 404 });
}

function answerAll(ubus: StubUbus, body: unknown): unknown {
  if (Array.isArray(body)) return body.map((one) => answerOne(ubus, one as RpcRequest));
  return answerOne(ubus, body as RpcRequest);
}

function answerOne(ubus: StubUbus, { id, method, params }: RpcRequest): object {
  if (method !== "call" || params === undefined) return { jsonrpc: "2.0", id, result: {} };
  const [, object, name, fields] = params;
  return { jsonrpc: "2.0", id, result: ubus.answer(object, name, fields) };
}

/** The tree that LuCI's dispatcher makes of menu.d. */
export function readMenu(): MenuNode {
  const root: MenuNode = { satisfied: true, children: {} };
  const flat = JSON.parse(readFileSync(MENU, "utf8")) as Record<string, Omit<MenuNode, "children">>;
  for (const [path, node] of Object.entries({
    "admin/services": { title: "Services", order: 40 },
    ...flat,
  })) {
    let at = root;
    for (const name of path.split("/")) {
      at.children ??= {};
      at = at.children[name] ??= { satisfied: true, action: { type: "firstchild" } };
    }
    Object.assign(at, node);
  }
  return root;
}

function html(path: string, readonly: boolean): Response {
  const words = path.split("/");
  const view = `minismbd/${words.at(-1)}`;
  const environment = {
    media: "/luci-static/bootstrap",
    resource: "/luci-static/resources",
    scriptname: "/cgi-bin/luci",
    pathinfo: `/${path}`,
    documentroot: "/www",
    requestpath: words,
    dispatchpath: words,
    pollinterval: 5,
    ubuspath: "/ubus/",
    sessionid: "0123456789abcdef0123456789abcdef",
    token: "token",
    nodespec: { satisfied: true, readonly, action: { type: "view", path: view } },
    apply_rollback: 30,
    apply_holdoff: 1,
    apply_timeout: 1,
    apply_display: 1,
  };
  const text = `<!DOCTYPE html>
<html lang="en" data-darkmode="false"><head><meta charset="utf-8"><title>LuCI</title>
<link rel="stylesheet" href="/luci-static/bootstrap/cascade.css">
<script src="${PREFIX}admin/translations/en"></script><script src="/luci-static/resources/cbi.js"></script></head>
<body class="lang_en" data-page="${words.join("-")}">
<header><a class="brand" href="/">OpenWrt</a><ul class="nav" id="topmenu" style="display:none"></ul>
<div id="indicators" class="pull-right"></div></header>
<div id="maincontent" class="container"><div id="tabmenu" style="display:none"></div>
<script src="/luci-static/resources/luci.js"></script><script>L = new LuCI(${JSON.stringify(environment)});</script>
<div id="view"><div class="spinning"></div>
<script>L.require('ui').then((ui) => ui.instantiateView('${view}'));</script></div></div>
<footer><ul id="modemenu" style="display:none"></ul></footer>
<script>L.require('menu-bootstrap')</script></body></html>`;
  return new Response(text, { headers: { "content-type": "text/html; charset=utf-8" } });
}

function script(text: string): Response {
  return new Response(text, { headers: { "content-type": "text/javascript" } });
}
