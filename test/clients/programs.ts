// Programs of ours over other people's libraries and tools. Each prints `PASS name` or `FAIL name: reason`, a line a step.
import { cpSync, existsSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { TESTER, type TestServer } from "../peer/test-server.ts";
import { type Client, demand, emptyDirectory, type Result, run, WORKSHOP } from "./client.ts";

const SOURCES = join(import.meta.dir, "programs");

function environmentOf(server: TestServer): Record<string, string> {
  return { SMB_SERVER: server.host, SMB_USER: TESTER.user, SMB_PASSWORD: TESTER.password };
}

function readSteps(output: string): Result[] {
  const results: Result[] = [];
  for (const line of output.split("\n")) {
    const found = /^(PASS|FAIL) (\S+?)(?:: (.*))?$/.exec(line);
    if (!found) continue;
    const verdict = found[1] === "PASS" ? "passed" : "failed";
    results.push({ test: found[2] ?? "", verdict, detail: found[3] ?? "" });
  }
  if (results.length === 0) throw new Error(`no step was reported: ${output.trim().slice(-500)}`);
  return results;
}

/** A client of which `words` runs the program. */
function program(
  name: string,
  prepare: () => Promise<void>,
  words: (server: TestServer) => readonly string[],
  cwd: string = WORKSHOP,
): Client {
  return {
    name,
    prepare,
    async run(server) {
      const { output } = await run(words(server), { env: environmentOf(server), cwd });
      return readSteps(output);
    },
  };
}

function python(name: string, version: string, script: string): Client {
  const environment = join(WORKSHOP, `${name}-env`);
  const interpreter = join(environment, "bin/python");
  const prepare = async (): Promise<void> => {
    if (existsSync(join(environment, "ready"))) return;
    await demand(["python3", "-m", "venv", environment]);
    await demand([join(environment, "bin/pip"), "install", "-q", `${name}==${version}`]);
    writeFileSync(join(environment, "ready"), "");
  };
  return program(`${name} ${version}`, prepare, () => [interpreter, join(SOURCES, script)]);
}

function java(name: string, artifact: string, version: string, source: string): Client {
  const directory = join(WORKSHOP, name);
  const list = join(directory, "classpath");
  const prepare = async (): Promise<void> => {
    if (existsSync(list)) return;
    emptyDirectory(name);
    const [group, id] = artifact.split(":");
    const dependency = `<groupId>${group}</groupId><artifactId>${id}</artifactId><version>${version}</version>`;
    writeFileSync(
      join(directory, "pom.xml"),
      `<project xmlns="http://maven.apache.org/POM/4.0.0"><modelVersion>4.0.0</modelVersion><groupId>local</groupId>
<artifactId>clients</artifactId><version>1</version><dependencies><dependency>${dependency}</dependency></dependencies>
</project>`,
    );
    const build = ["dependency:build-classpath", `-Dmdep.outputFile=${list}`];
    await demand(["mvn", "-q", "-B", ...build], { cwd: directory });
  };
  const command = `exec java -cp "$(cat ${list})" ${join(SOURCES, source)}`;
  return program(`${name} ${version}`, prepare, () => ["sh", "-c", command]);
}

const nodeModules = join(WORKSHOP, "v9u");
const v9u = program(
  "v9u-smb2 1.0.6",
  async () => {
    mkdirSync(nodeModules, { recursive: true });
    if (!existsSync(join(nodeModules, "node_modules/v9u-smb2")))
      await demand(["npm", "install", "--no-fund", "--prefix", nodeModules, "v9u-smb2@1.0.6"]);
    cpSync(join(SOURCES, "v9u.cjs"), join(nodeModules, "v9u.cjs"));
  },
  () => ["node", "--openssl-legacy-provider", join(nodeModules, "v9u.cjs")],
);

const crate = join(WORKSHOP, "smb-rs");
const smbRs = program(
  "smb-rs 0.11.2",
  async () => {
    cpSync(join(SOURCES, "smb-rs"), crate, { recursive: true });
    await demand(["cargo", "build", "-q"], { cwd: crate, timeoutMs: 900_000 });
  },
  () => [join(crate, "target/debug/smb-rs-program")],
);

const rclone = program(
  "rclone",
  async () => {
    if (Bun.which("rclone") === null) await demand(["apt-get", "install", "-y", "-q", "rclone"]);
  },
  () => ["sh", join(SOURCES, "rclone.sh")],
);

const gvfs = program(
  "gvfs",
  async () => {
    if (existsSync("/usr/lib/gvfs/gvfsd-smb") && Bun.which("dbus-run-session") !== null) return;
    await demand(["apt-get", "install", "-y", "-q", "gvfs-backends", "dbus-daemon", "libglib2.0-bin"]);
  },
  () => ["dbus-run-session", "--", "sh", join(SOURCES, "gvfs.sh")],
);

export const programs: readonly Client[] = [
  python("pysmb", "1.2.15", "pysmb_program.py"),
  python("impacket", "0.13.0", "impacket_program.py"),
  java("smbj", "com.hierynomus:smbj", "0.13.0", "Smbj.java"),
  java("jcifs-ng", "eu.agno3.jcifs:jcifs-ng", "2.1.10", "Jcifs.java"),
  v9u,
  smbRs,
  rclone,
  gvfs,
];
