// The examples of docs/api.md, as they are written there: lines of the shell, Home Assistant's and Prometheus' requests.
import { afterAll, beforeAll, expect, test } from "bun:test";
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { EXECUTABLE } from "../client/server.ts";
import { ask, startWeb, type WebServer } from "../client/web-rig.ts";

const TEXT = readFileSync(join(import.meta.dir, "../../../docs/api.md"), "utf8");
const blocksOf = (language: string): readonly string[] =>
  [...TEXT.matchAll(/^```(\w+)\n([\s\S]*?)^```$/gm)].flatMap(([, name, text = ""]) =>
    name === language ? [text] : [],
  );
const [, HOST = "", PORT = ""] = /https:\/\/([\w.]+):(\d+)\//.exec(TEXT) ?? [];

let server: WebServer;
let directory: string;
const tokens: string[] = [];

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), "minismbd-examples-"));
  const socket = join(directory, "sock");
  const runner = ["sh", "-c", 'exec "$@" --control "$0"', socket];
  server = await startWeb({ runner, parameters: { "netbios aliases": HOST.split(".")[0] ?? "" } });
  const wrapper = join(directory, "minismbd");
  writeFileSync(wrapper, `#!/bin/sh\nexec "${EXECUTABLE}" "$@" --control "${socket}"\n`);
  chmodSync(wrapper, 0o755);
  writeFileSync(
    join(directory, ".curlrc"),
    `connect-to = "${HOST}:${PORT}:127.0.0.1:${server.webPort}"\nsilent\n`,
  );
});
afterAll(async () => {
  await server.stop();
  rmSync(directory, { recursive: true });
});

function shell(line: string): string {
  const [TOKEN = "", TOKEN_THAT_CHANGES = ""] = tokens;
  const { exitCode, stderr, stdout } = Bun.spawnSync(["sh", "-c", line], {
    env: { PATH: `${directory}:${process.env["PATH"]}`, CURL_HOME: directory, TOKEN, TOKEN_THAT_CHANGES },
    stderr: "pipe",
  });
  expect([line, exitCode, stderr.toString()]).toEqual([line, 0, ""]);
  return stdout.toString();
}

test("its lines of the shell make tokens, list shares and add one", () => {
  const answers = blocksOf("sh").map((line) => {
    const answer = JSON.parse(shell(line)) as { items?: { token?: string }[] };
    const token = answer.items?.[0]?.token;
    if (token !== undefined) tokens.push(token);
    return answer;
  });
  expect(tokens).toHaveLength(2);
  expect(answers[2]).toMatchObject([{ name: "test" }]);
  expect(answers[3]).toMatchObject({ name: "Photos", path: "/srv/photos", readOnly: false });
});

interface HomeAssistant {
  readonly rest: readonly { readonly resource: string; readonly headers: Readonly<Record<string, string>> }[];
  readonly rest_command: Readonly<
    Record<
      string,
      {
        readonly url: string;
        readonly method: string;
        readonly content_type: string;
        readonly payload: string;
        readonly headers: Readonly<Record<string, string>>;
      }
    >
  >;
}

interface Prometheus {
  readonly scrape_configs: readonly {
    readonly scheme: string;
    readonly static_configs: [{ targets: [string] }];
  }[];
}

const pathOf = (url: string): string => new URL(url).pathname;

test("Home Assistant's sensors get what they ask for, and its command is understood", async () => {
  const secrets = { minismbd: `Bearer ${tokens[0]}`, minismbd_full: `Bearer ${tokens[1]}` };
  const text = blocksOf("yaml")[0]?.replace(
    /!secret (\w+)/g,
    (_, name: keyof typeof secrets) => secrets[name],
  );
  const { rest, rest_command: commands } = Bun.YAML.parse(text ?? "") as HomeAssistant;
  expect(rest.length).toBe(2);
  for (const { headers, resource } of rest) {
    const answer = await ask(server, pathOf(resource), { headers });
    expect([resource, answer.status]).toEqual([resource, 200]);
  }
  for (const { content_type: type, headers, method, payload, url } of Object.values(commands)) {
    expect(type).toBe("application/json");
    const answer = await ask(server, pathOf(url), {
      method: method.toUpperCase(),
      headers,
      body: JSON.parse(payload),
    });
    // The share of the example above is on no disk that can be ejected.
    expect([answer.status, answer.text]).toEqual([400, expect.stringContaining('"code":"refused"')]);
  }
});

test("Prometheus gets the server's numbers", async () => {
  const [{ scheme, static_configs: [{ targets }] } = { scheme: "", static_configs: [{ targets: [""] }] }] = (
    Bun.YAML.parse(blocksOf("yaml")[1] ?? "") as Prometheus
  ).scrape_configs;
  expect(`${scheme}://${targets[0]}`).toBe(`https://${HOST}:${PORT}`);
  const answer = await ask(server, "/metrics", { headers: { Authorization: `Bearer ${tokens[0]}` } });
  expect([answer.status, answer.text]).toEqual([200, expect.stringMatching(/^minismbd_\w+ \d/m)]);
});
