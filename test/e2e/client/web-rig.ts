// Rig of the tests of the web page: a server that has one, and requests by HTTPS that show what comes back.
import { readFileSync } from "node:fs";
import { request as requestHttp } from "node:http";
import { connect as connectTcp } from "node:net";
import { request as requestHttps } from "node:https";
import { findFreePort, TESTER, type ServerOptions, type TestServer } from "../../peer/test-server.ts";
import { type ControlledServer, startControlled } from "./control-rig.ts";

const WAIT_MS = 15_000;

export interface WebServer extends ControlledServer {
  readonly webPort: number;
}

export interface WebAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly setCookie: readonly string[];
  readonly text: string;
  /** Of JSON; undefined for other text. */
  readonly body: unknown;
}

export interface WebRequest {
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** Sent as JSON. */
  readonly body?: unknown;
  readonly isPlain?: boolean;
  /** The address to connect from. */
  readonly from?: string;
  /** The body has begun to come. */
  readonly onBody?: () => void;
}

/** A server with a web page on which TESTER may log on. */
export async function startWeb(options: ServerOptions = {}): Promise<WebServer> {
  const webPort = await findFreePort();
  const parameters = { "web port": String(webPort), "admin users": TESTER.user, ...options.parameters };
  const server = await startControlled({ ...options, parameters });
  await awaitLog(server, "the web page is ");
  return { ...server, webPort };
}

export async function awaitLog(server: TestServer, text: string, count = 1): Promise<void> {
  const end = performance.now() + WAIT_MS;
  while (server.log().split(text).length <= count) {
    if (performance.now() > end) throw new Error(`the log does not say '${text}':\n${server.log()}`);
    await Bun.sleep(10);
  }
}

/** Sends one request over a connection of its own; waits where the address has sent too many in this second. */
export async function ask(
  server: Pick<WebServer, "webPort">,
  path: string,
  how: WebRequest = {},
): Promise<WebAnswer> {
  const end = performance.now() + WAIT_MS;
  for (;;) {
    const answer = await askOnce(server, path, how);
    const isTooFast = answer.status === 429 && answer.text.includes("wait a second");
    if (!isTooFast || performance.now() > end) return answer;
    await Bun.sleep(100);
  }
}

function askOnce({ webPort }: Pick<WebServer, "webPort">, path: string, how: WebRequest): Promise<WebAnswer> {
  const { body, from, headers = {}, isPlain = false, method = "GET" } = how;
  const type = body === undefined ? {} : { "Content-Type": "application/json" };
  const options = {
    host: "127.0.0.1",
    port: webPort,
    path,
    method,
    headers: { Connection: "close", ...type, ...headers },
    agent: false,
    ...(from !== undefined && { localAddress: from }),
  } as const;
  const { promise, reject, resolve } = Promise.withResolvers<WebAnswer>();
  const request = isPlain ? requestHttp(options) : requestHttps({ ...options, rejectUnauthorized: false });
  request.on("error", reject);
  request.on("response", (response) => {
    const chunks: Uint8Array[] = [];
    response.on("error", reject);
    response.once("data", () => how.onBody?.());
    response.on("data", (chunk: Uint8Array) => chunks.push(chunk));
    response.on("end", () => {
      const text = Buffer.concat(chunks).toString();
      const { "set-cookie": setCookie = [], ...rest } = response.headers;
      const known = Object.entries(rest).map(([name, value]) => [name, String(value)]);
      const status = response.statusCode ?? 0;
      resolve({ status, headers: Object.fromEntries(known), setCookie, text, body: parse(text) });
    });
  });
  request.end(body === undefined ? undefined : JSON.stringify(body));
  return promise;
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** What a session's requests show. */
export interface LoggedOn {
  readonly cookie: string;
  readonly csrf: string;
  /** Both, as headers. */
  readonly headers: Readonly<Record<string, string>>;
}

export async function logOn(
  server: WebServer,
  user = TESTER.user,
  password = TESTER.password,
): Promise<LoggedOn> {
  const answer = await ask(server, "/api/v1/session", { method: "POST", body: { user, password } });
  if (answer.status !== 200) throw new Error(`log-on: ${answer.status} ${answer.text}`);
  const cookie = answer.setCookie[0]?.split(";")[0] ?? "";
  const { csrf } = answer.body as { csrf: string };
  return { cookie, csrf, headers: { Cookie: cookie, "X-CSRF": csrf } };
}

/** The process of the page; undefined while there is none. */
export function webProcessOf({ pid }: TestServer): number | undefined {
  const children = readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8").trim().split(" ");
  return children.map(Number).find((child) => child > 0);
}

/** Resolves when the process is gone. */
export async function awaitEnd(pid: number): Promise<void> {
  const end = performance.now() + WAIT_MS;
  while (performance.now() < end) {
    const state = readState(pid);
    if (state === undefined || state === "Z") return;
    await Bun.sleep(10);
  }
  throw new Error(`process ${pid} does not end`);
}

function readState(pid: number): string | undefined {
  try {
    return /^State:\s+(\S)/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1];
  } catch {
    return undefined;
  }
}

/** What a connection of its own brings until the server closes it, `isEnough` holds, or nothing comes for long. */
export function sendRaw(
  { webPort }: Pick<WebServer, "webPort">,
  pieces: readonly (string | Uint8Array)[],
  isEnough: (text: string) => boolean = () => false,
): Promise<{ readonly text: string; readonly isClosed: boolean }> {
  const { promise, resolve } = Promise.withResolvers<{ text: string; isClosed: boolean }>();
  let text = "";
  const socket = connectTcp({ host: "127.0.0.1", port: webPort, noDelay: true });
  const finish = (isClosed: boolean): void => {
    socket.destroy();
    resolve({ text, isClosed });
  };
  socket.on("error", () => finish(true));
  socket.on("close", () => finish(true));
  socket.on("data", (bytes: Uint8Array) => {
    text += Buffer.from(bytes).toString("latin1");
    if (isEnough(text)) finish(false);
  });
  socket.on("connect", () => {
    for (const piece of pieces) socket.write(piece);
  });
  socket.setTimeout(WAIT_MS, () => finish(false));
  return promise;
}

/** The statuses of the answers, in their order. */
export function statusesOf(text: string): number[] {
  return [...text.matchAll(/HTTP\/1\.1 (\d{3}) /g)].map(([, status]) => Number(status));
}
