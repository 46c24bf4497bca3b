// A server that a test kills and starts again: on the same port, with the same configuration and shares.
import { closeSync, openSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import {
  awaitExit,
  awaitListening,
  findFreePort,
  formatConfiguration,
  makeDirectory,
  prepareShares,
  removeDirectory,
  type ServerOptions,
  TESTER,
} from "../../peer/test-server.ts";
import { EXECUTABLE, findFault, formatPasswordDatabase } from "./server.ts";

export class KillableServer {
  readonly host = "127.0.0.1";
  readonly port: number;
  readonly directory: string;
  /** The lock file. */
  readonly lock: string;
  /** Share name to directory. */
  readonly shares: ReadonlyMap<string, string>;
  private child: Bun.Subprocess | undefined;

  private constructor(port: number, directory: string, options: ServerOptions) {
    this.port = port;
    this.directory = directory;
    this.lock = join(directory, "lock");
    this.shares = prepareShares(options, directory);
    const globals = { "bind interfaces only": "yes", interfaces: this.host };
    writeFileSync(join(directory, "conf"), formatConfiguration(globals, options, this.shares));
    writeFileSync(join(directory, "users"), formatPasswordDatabase(options.users ?? [TESTER]), {
      mode: 0o600,
    });
  }

  static async start(options: ServerOptions): Promise<KillableServer> {
    const server = new KillableServer(await findFreePort(), makeDirectory("killable"), options);
    await server.start();
    return server;
  }

  async start(): Promise<void> {
    const { directory, host, lock, port } = this;
    const out = openSync(join(directory, "log"), "a");
    const files = ["-C", join(directory, "conf"), "-P", join(directory, "users")];
    this.child = Bun.spawn([EXECUTABLE, "serve", ...files, "-p", String(port), "--lock", lock], {
      stdin: "ignore",
      stdout: out,
      stderr: out,
    });
    closeSync(out);
    await awaitListening(this.child, host, port, () => this.log());
  }

  get pid(): number {
    return this.child?.pid ?? 0;
  }

  log(): string {
    return readFileSync(join(this.directory, "log"), "utf8");
  }

  async kill(): Promise<void> {
    this.child?.kill("SIGKILL");
    if (this.child !== undefined) await awaitExit(this.child, 5_000);
  }

  /** Ends the server. Returns its exit status, undefined if it has to be killed. */
  async end(): Promise<number | undefined> {
    this.child?.kill("SIGTERM");
    const status = this.child && (await awaitExit(this.child, 10_000));
    if (status === undefined) this.child?.kill("SIGKILL");
    return status;
  }

  /** Ends the server and removes its directory. Throws where the log shows a fault of the server. */
  async stop(): Promise<void> {
    await this.end();
    const fault = findFault(this.log());
    removeDirectory(this.directory);
    if (fault !== undefined) throw new Error(`the server's log shows a fault:\n${fault}`);
  }
}
