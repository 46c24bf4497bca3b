// smbprotocol's own tests (PyPI; they are in its source archive without the fixtures, which stand in conftest.py).
import { copyFileSync, existsSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { TESTER, type TestServer } from "../peer/test-server.ts";
import { type Client, demand, emptyDirectory, type Result, run, type Verdict, WORKSHOP } from "./client.ts";

const VERSION = "1.17.0";
// They need the records of a DFS server, which the archive lacks.
const IGNORED = ["--ignore=tests/test_dfs.py", "--ignore=tests/test_smbclient_pool.py"];
const environment = join(WORKSHOP, "smbprotocol-env");
const source = join(WORKSHOP, `smbprotocol/smbprotocol-${VERSION}`);

const verdicts: Readonly<Record<string, Verdict>> = {
  PASSED: "passed",
  FAILED: "failed",
  ERROR: "failed",
  SKIPPED: "skipped",
};

export const smbprotocol: Client = {
  name: `smbprotocol ${VERSION}`,

  async prepare() {
    if (!existsSync(source)) {
      const directory = emptyDirectory("smbprotocol");
      const from = ["-m", "pip", "download", "-q", "--no-deps", "--no-binary", ":all:"];
      await demand(["python3", ...from, `smbprotocol==${VERSION}`], { cwd: directory });
      const archive = readdirSync(directory).find((name) => name.endsWith(".tar.gz")) ?? "";
      await demand(["tar", "xzf", archive], { cwd: directory });
    }
    if (!existsSync(join(environment, "ready"))) {
      await demand(["python3", "-m", "venv", environment]);
      const packages = [`smbprotocol==${VERSION}`, "pytest", "pytest-mock", "pytest-timeout"];
      await demand([join(environment, "bin/pip"), "install", "-q", ...packages]);
      writeFileSync(join(environment, "ready"), "");
    }
    copyFileSync(join(import.meta.dir, "programs/conftest.py"), join(source, "tests/conftest.py"));
  },

  async run(server: TestServer) {
    const words = [
      "-m",
      "pytest",
      "-q",
      "-rA",
      "--timeout=60",
      "-p",
      "no:cacheprovider",
      "--tb=line",
      ...IGNORED,
      "tests",
    ];
    const { output } = await run([join(environment, "bin/python"), ...words], {
      cwd: source,
      env: {
        SMB_USER: TESTER.user,
        SMB_PASSWORD: TESTER.password,
        SMB_SERVER: server.host,
        SMB_PORT: String(server.port),
        SMB_SHARE: "share",
      },
      timeoutMs: 900_000,
    });
    return readPytest(output);
  },
};

/** Reads the summary that pytest's -rA prints. */
function readPytest(output: string): Result[] {
  const results: Result[] = [];
  for (const line of output.split("\n")) {
    const found = /^(PASSED|FAILED|ERROR) tests\/(\S+?)(?: - (.*))?$/.exec(line.trim());
    const verdict = verdicts[found?.[1] ?? ""];
    if (found && verdict) results.push({ test: found[2] ?? "", verdict, detail: found[3] ?? "" });
  }
  const skipped = Number(/(\d+) skipped/.exec(output)?.[1] ?? 0);
  for (let i = 0; i < skipped; i++) results.push({ test: `skipped ${i}`, verdict: "skipped", detail: "" });
  if (results.length === 0) throw new Error(`pytest ran nothing: ${output.slice(-500)}`);
  return results;
}
