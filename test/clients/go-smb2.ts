// go-smb2's own tests, from Debian's package of its source.
import { cpSync, existsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { TESTER, type TestServer } from "../peer/test-server.ts";
import { type Client, demand, emptyDirectory, type Result, run, type Verdict, WORKSHOP } from "./client.ts";

const PACKAGE = "golang-github-hirochachacha-go-smb2-dev";
const GOCODE = "/usr/share/gocode";
const MODULE = "src/github.com/hirochachacha/go-smb2";

const verdicts: Readonly<Record<string, Verdict>> = { pass: "passed", fail: "failed", skip: "skipped" };

export const goSmb2: Client = {
  name: "go-smb2 1.1.0",

  async prepare() {
    if (!existsSync(join(GOCODE, MODULE))) await demand(["apt-get", "install", "-y", "-q", PACKAGE]);
    const path = emptyDirectory("gopath");
    cpSync(GOCODE, path, { recursive: true });
  },

  async run(server: TestServer) {
    const directory = join(WORKSHOP, "gopath", MODULE);
    const configuration = {
      max_credit_balance: 0,
      transport: { type: "tcp", host: server.host, port: server.port },
      conn: { signing: false },
      session: { type: "ntlm", user: TESTER.user, passwd: TESTER.password },
      tree_conn: { share1: "share", share2: "share2" },
    };
    writeFileSync(join(directory, "client_conf.json"), JSON.stringify(configuration));
    const env = { GO111MODULE: "off", GOPATH: join(WORKSHOP, "gopath"), GOFLAGS: "" };
    const { output } = await run(["go", "test", "-count=1", "-json", "."], { cwd: directory, env });
    return readGoTest(output);
  },
};

interface GoEvent {
  readonly Action: string;
  readonly Test?: string;
  readonly Output?: string;
}

function readGoTest(output: string): Result[] {
  const results: Result[] = [];
  const said = new Map<string, string>();
  for (const line of output.split("\n")) {
    if (!line.startsWith("{")) continue;
    const { Action: action, Test: test, Output: text } = JSON.parse(line) as GoEvent;
    if (test === undefined) continue;
    if (action === "output" && !/^(=== |--- |\s*--- )/.test(text ?? "")) said.set(test, (text ?? "").trim());
    const verdict = verdicts[action];
    if (verdict) results.push({ test, verdict, detail: said.get(test) ?? "" });
  }
  if (results.length === 0) throw new Error(`go test ran nothing: ${output.slice(-500)}`);
  return results;
}
