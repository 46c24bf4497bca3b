// Starts the server under test: minismbd, or Debian's smbd if SERVER=smbd is set, to check the test itself.
import { startServer } from "../e2e/client/server.ts";
import { startSmbd } from "./smbd.ts";
import type { ServerOptions, TestServer } from "./test-server.ts";

/** Whether the tests run against smbd; tests of what only minismbd does are then skipped. */
export const againstSmbd = process.env["SERVER"] === "smbd";

export function startSubject(options: ServerOptions = {}): Promise<TestServer> {
  return againstSmbd ? startSmbd(options) : startServer(options);
}
