// The server that a test runs against: ours, or with SERVER=smbd in the environment Debian's smbd, to prove the test itself.
import { startServer } from "../e2e/client/server.ts";
import { startSmbd } from "./smbd.ts";
import type { ServerOptions, TestServer } from "./test-server.ts";

/** True where the tests run against smbd: what holds for us alone is then left out. */
export const againstSmbd = process.env["SERVER"] === "smbd";

export function startSubject(options: ServerOptions = {}): Promise<TestServer> {
  return againstSmbd ? startSmbd(options) : startServer(options);
}
