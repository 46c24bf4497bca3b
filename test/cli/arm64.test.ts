// The arm64 executable, natively or under qemu-user: --version, adduser, put and get with smbclient.
import { afterAll, expect, test } from "bun:test";
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const ROOT = join(import.meta.dir, "../..");
const EXECUTABLE = join(ROOT, "dist/minismbd-linux-arm64");
const isNative = process.arch === "arm64";
const canRun =
  isNative || (Bun.which("qemu-aarch64-static") !== null && existsSync("/usr/lib/aarch64-linux-gnu"));
const COMMAND = isNative ? [EXECUTABLE] : ["qemu-aarch64-static", "-L", "/", EXECUTABLE];

const directory = mkdtempSync(join(tmpdir(), "minismbd-arm64-"));
afterAll(() => rmSync(directory, { recursive: true }));

function run(words: readonly string[], env: Record<string, string> = {}) {
  const result = Bun.spawnSync([...words], {
    // All of it: the build may need what leads npm to its registry.
    env: { ...process.env, ...env },
    stdin: "ignore",
    stdout: "pipe",
    stderr: "pipe",
  });
  return { status: result.exitCode, out: result.stdout.toString(), err: result.stderr.toString() };
}

test.skipIf(!canRun)(
  "the arm64 executable prints its version, adds a user and serves smbclient",
  async () => {
    expect(run([process.execPath, join(ROOT, "build.ts"), "--target", "linux-arm64"]).err).toBe("");
    expect(run([...COMMAND, "--version"]).out).toStartWith("minismbd ");

    const db = join(directory, "ksmbdpwd.db");
    const config = join(directory, "ksmbd.conf");
    const docs = join(directory, "docs");
    mkdirSync(docs);
    // For everybody: the machine may have an account of the user's name.
    chmodSync(directory, 0o755);
    chmodSync(docs, 0o777);
    writeFileSync(config, `[global]\ntcp port = 0\n[docs]\npath = ${docs}\nread only = no\n`);
    expect(run([...COMMAND, "adduser", "-P", db, "anna"], { MINISMBD_PASSWORD: "secret" })).toEqual({
      status: 0,
      out: "User 'anna' added\n",
      err: "",
    });

    const server = Bun.spawn([...COMMAND, "serve", "-C", config, "-P", db], {
      stdout: "pipe",
      stderr: "inherit",
    });
    try {
      const port = await readPort(server.stdout);
      const data = crypto.getRandomValues(new Uint8Array(65_536));
      const source = join(directory, "source");
      const copy = join(directory, "copy");
      writeFileSync(source, data);
      const words = ["smbclient", "//127.0.0.1/docs", "-p", port, "-U", "anna", "-t", "60"];
      for (const protection of ["sign", "encrypt"]) {
        const commands = `put ${source} file; get file ${copy}; ls; del file`;
        const client = run([...words, `--client-protection=${protection}`, "-c", commands], {
          PASSWD: "secret",
        });
        expect(client).toMatchObject({ status: 0 });
        expect(client.out).toMatch(/file\s+A\s+65536/);
        expect(readFileSync(copy).equals(data)).toBe(true);
        expect(existsSync(join(docs, "file"))).toBe(false);
      }
    } finally {
      server.kill("SIGTERM");
      expect(await server.exited).toBe(0);
    }
  },
  180_000,
);

async function readPort(output: ReadableStream<Uint8Array>): Promise<string> {
  let text = "";
  for await (const chunk of output) {
    text += new TextDecoder().decode(chunk);
    const port = /ready on port (\d+)/.exec(text)?.[1];
    if (port !== undefined) return port;
  }
  throw new Error(`the server ended: ${text}`);
}
