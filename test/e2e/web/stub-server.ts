// A server of the page's files and of the API, with data that a test chooses: for names and states that a real server
// has only on a bad day, and for the pictures.
import { bundlePage } from "../../../build-page.ts";

interface Parameter {
  readonly name: string;
  value: string;
  readonly line?: number;
  isSet: boolean;
  readonly description: string;
  readonly kind: string;
  readonly choices?: readonly string[];
}

export interface StubShare {
  readonly name: string;
  readonly kind: string;
  readonly path: string;
  readonly comment: string;
  readonly readOnly: boolean;
  readonly guestOk: boolean;
  readonly browseable: boolean;
  readonly isServed: boolean;
  readonly writtenIn: { readonly file: string; readonly line: number };
  readonly faults: readonly object[];
  readonly parameters: Parameter[];
  readonly access: { readonly user: string; access: string }[];
}

export interface StubConnection {
  readonly id: number;
  readonly traffic: { receivedBytes: number; sentBytes: number };
}

export interface StubData {
  readonly serverName: string;
  readonly shares: StubShare[];
  users: { readonly name: string; readonly isAdmin: boolean; readonly isStored: boolean }[];
  disks: object[];
  readonly sessions: object[];
  readonly connections: StubConnection[];
  readonly opens: object[];
  readonly log: { readonly time: number; readonly level: string; readonly text: string }[];
  readonly settings: Parameter[];
}

const CSP =
  "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; form-action 'none'; " +
  "base-uri 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'";
const TYPES: Readonly<Record<string, string>> = {
  html: "text/html; charset=utf-8",
  js: "text/javascript; charset=utf-8",
  css: "text/css; charset=utf-8",
  svg: "image/svg+xml",
  txt: "text/plain",
};
const PASSWORD = "correct horse";

let bundle: Promise<ReadonlyMap<string, Uint8Array>> | undefined;

type Body = Readonly<Record<string, unknown>>;

export class StubServer {
  readonly data: StubData;
  /** Bodies of what changed something, by method and path. */
  readonly calls: { readonly what: string; readonly body: Body }[] = [];
  version = "1.0";
  firstRun = false;
  hasSession = false;
  /** Changes with the configuration. */
  private tag = 1;
  private readonly streams = new Set<ReadableStreamDefaultController<Uint8Array>>();
  private server: Bun.Server<undefined> | undefined;
  private port = 0;
  private readonly total = {
    requests: 1,
    failures: 0,
    receivedBytes: 4_200_000_000,
    sentBytes: 97_000_000_000,
  };
  private ticks = 0;
  private ticker: Timer | undefined;

  private readonly files: ReadonlyMap<string, Uint8Array>;

  private constructor(data: StubData, files: ReadonlyMap<string, Uint8Array>) {
    this.data = data;
    this.files = files;
  }

  /** `hasTicks`: events come by themselves. */
  static async start(data: StubData, hasTicks = true): Promise<StubServer> {
    bundle ??= bundlePage();
    const stub = new StubServer(data, await bundle);
    stub.listen(hasTicks);
    return stub;
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}/`;
  }

  listen(hasTicks = true): void {
    this.server = Bun.serve({
      port: this.port,
      hostname: "127.0.0.1",
      idleTimeout: 0,
      fetch: (request) => this.answer(request),
    });
    this.port = this.server.port ?? 0;
    if (hasTicks) this.ticker = setInterval(() => this.tick(), 100);
  }

  /** Connections end at once, as with a server that was killed. */
  async stop(): Promise<void> {
    clearInterval(this.ticker);
    this.streams.clear();
    await this.server?.stop(true);
  }

  /** Somebody has edited the configuration. */
  touch(what = "configuration"): void {
    this.touchQuietly();
    this.send("changed", { what });
  }

  /** The same, and the event has not arrived yet. */
  touchQuietly(): void {
    this.tag++;
  }

  send(event: string, value: unknown): void {
    const frame = new TextEncoder().encode(`event: ${event}\ndata: ${JSON.stringify(value)}\n\n`);
    for (const stream of this.streams) stream.enqueue(frame);
  }

  /** Sends the events that come every two seconds. */
  tick(): void {
    if (this.streams.size === 0) return;
    this.ticks++;
    for (const [index, { traffic }] of this.data.connections.entries()) {
      const wave = 1 + Math.sin(this.ticks / (5 + 3 * index)) * Math.cos(this.ticks / 3);
      const [sent, received] = [(wave * 9e7) / (index + 1) ** 3, (wave * 9e6) / (index + 1) ** 2];
      traffic.sentBytes += Math.round(sent);
      traffic.receivedBytes += Math.round(received);
      this.total.sentBytes += Math.round(sent);
      this.total.receivedBytes += Math.round(received);
    }
    this.send("status", this.status());
    this.send("connections", this.data.connections);
  }

  private status(): object {
    return {
      ...{
        version: this.version,
        pid: 1,
        port: 445,
        serverName: this.data.serverName,
        workgroup: "WORKGROUP",
      },
      ...{ uptimeMs: 3 * 86_400_000, connections: this.data.connections.length, sessions: 1, files: 3 },
      ...{ residentBytes: 31_000_000, memoryStep: 0, traffic: this.total },
    };
  }

  private answer(request: Request): Response | Promise<Response> {
    const { pathname } = new URL(request.url);
    if (!pathname.startsWith("/api/v1/")) return this.file(pathname);
    const path = pathname.slice("/api/v1/".length);
    if (path === "events" && this.hasSession) return this.events();
    return this.operate(request, path);
  }

  private file(pathname: string): Response {
    const name = pathname === "/" ? "index.html" : pathname.slice(1);
    const content = this.files.get(name);
    if (content === undefined) return new Response("", { status: 404 });
    const headers = { "Content-Type": TYPES[name.split(".").at(-1) ?? ""] ?? "", "Content-Encoding": "gzip" };
    return new Response(new Blob([content as Uint8Array<ArrayBuffer>]), {
      headers: { ...headers, "Content-Security-Policy": CSP, "X-Content-Type-Options": "nosniff" },
    });
  }

  private events(): Response {
    let own: ReadableStreamDefaultController<Uint8Array> | undefined;
    const body = new ReadableStream<Uint8Array>({
      start: (controller) => {
        own = controller;
        this.streams.add(controller);
        queueMicrotask(() => this.tick());
      },
      cancel: () => {
        if (own !== undefined) this.streams.delete(own);
      },
    });
    return new Response(body, { headers: { "Content-Type": "text/event-stream" } });
  }

  private async operate(request: Request, path: string): Promise<Response> {
    const { method } = request;
    const body = method === "GET" ? {} : (((await request.json().catch(() => ({}))) ?? {}) as Body);
    const own = { user: "anna", csrf: "token", serverName: this.data.serverName, version: this.version };
    if (path === "session" && method === "POST") {
      if (body["password"] !== PASSWORD) return fault(401, "user or password is wrong");
      this.hasSession = true;
      return Response.json(own);
    }
    if (path === "setup" && this.firstRun) {
      if (body["code"] !== "1234") return fault(403, "that is not the setup code");
      this.calls.push({ what: "POST setup", body });
      this.firstRun = false;
      return Response.json({});
    }
    if (!this.hasSession)
      return Response.json(
        { error: "log on first", code: "session", serverName: this.data.serverName, firstRun: this.firstRun },
        { status: 401 },
      );
    if (path === "session" && method === "DELETE") this.hasSession = false;
    if (path === "session") return Response.json(own);
    if (method === "GET") return this.read(path);
    if (request.headers.get("X-CSRF") !== "token") return fault(403, "the header X-CSRF is missing");
    const match = request.headers.get("If-Match");
    if (match !== null && match !== this.etag)
      return fault(409, "the configuration was changed meanwhile", "changed");
    this.calls.push({ what: `${method} ${decodeURIComponent(path)}`, body });
    return this.change(method, path.split("/").map(decodeURIComponent), body);
  }

  private get etag(): string {
    return `"${this.tag}"`;
  }

  private read(path: string): Response {
    const headers = { ETag: this.etag };
    const { data } = this;
    const [list = "", name] = path.split("/").map(decodeURIComponent);
    if (list === "shares" && name !== undefined) {
      const share = data.shares.find((one) => one.name === name);
      return share === undefined ? fault(404, "there is no such share") : Response.json(share, { headers });
    }
    const lists: Readonly<Record<string, unknown>> = {
      ...{ shares: data.shares, users: data.users, disks: data.disks, sessions: data.sessions },
      ...{ opens: data.opens, connections: data.connections, log: data.log, settings: data.settings },
      ...{ tokens: [{ id: "1", name: "Home Assistant", isReadOnly: true }], status: this.status() },
    };
    return list in lists ? Response.json(lists[list], { headers }) : fault(404, "there is no such operation");
  }

  private change(method: string, [list = "", name = "", part]: readonly string[], body: Body): Response {
    const { data } = this;
    if (list === "check-path") return Response.json(checkOf(String(body["path"])));
    if (list === "eject") {
      const name = String(body["mountPoint"]);
      data.disks = data.disks.filter((disk) => (disk as { mountPoint: string }).mountPoint !== name);
      this.touch("disks");
      return Response.json({
        mountPoint: name,
        isSafe: true,
        outcome: "unmounted",
        text: `${name} can be unplugged now`,
      });
    }
    const share = list === "shares" ? data.shares.find((one) => one.name === name) : undefined;
    if (share !== undefined && part === "access")
      for (const row of share.access) row.access = String(body[row.user] ?? row.access);
    else if (share !== undefined && method === "PUT") edit(share.parameters, body["parameters"] as Body);
    if (list === "settings") edit(data.settings, body);
    if (list === "users" && method === "POST")
      data.users.push({ name: String(body["name"]), isAdmin: false, isStored: true });
    if (list === "users" && method === "DELETE") data.users = data.users.filter((one) => one.name !== name);
    if (list === "tokens") return Response.json({ id: "2", token: "msmb_4f0c2a" });
    if (["shares", "settings"].includes(list)) this.touch();
    if (list === "users") this.touch("users");
    return Response.json({});
  }
}

function edit(parameters: readonly Parameter[], changes: Body): void {
  for (const parameter of parameters) {
    const value = changes[parameter.name];
    if (value === undefined) continue;
    parameter.value = value === null ? "" : String(value);
    parameter.isSet = value !== null;
  }
}

function checkOf(path: string): object {
  const isThere = path.startsWith("/mnt/");
  return {
    ...{ exists: isThere, isDirectory: isThere, fileSystem: "ext4", ownerName: "anna" },
    message: isThere ? "" : `${path} does not exist, make it first`,
  };
}

function fault(status: number, error: string, code = "refused"): Response {
  return Response.json({ error, code }, { status });
}
