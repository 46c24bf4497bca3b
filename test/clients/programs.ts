// Programs of ours over other people's libraries and tools. Each prints `PASS name` or `FAIL name: reason`, a line a step.
import { cpSync, existsSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { TESTER, type TestServer } from "../peer/test-server.ts";
import { type Client, demand, emptyDirectory, type Result, run, WORKSHOP } from "./client.ts";

export const PROGRAMS: string = join(import.meta.dir, "programs");

function environmentOf(server: TestServer): Record<string, string> {
  return { SMB_SERVER: server.host, SMB_USER: TESTER.user, SMB_PASSWORD: TESTER.password };
}

export function readSteps(output: string): Result[] {
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

/** Installs the package into an environment of this name, at the first run; returns its interpreter. */
export async function installPython(name: string, what: string): Promise<string> {
  const environment = join(WORKSHOP, `${name}-env`);
  if (!existsSync(join(environment, "ready"))) {
    await demand(["python3", "-m", "venv", environment]);
    await demand([join(environment, "bin/pip"), "install", "-q", what]);
    writeFileSync(join(environment, "ready"), "");
  }
  return join(environment, "bin/python");
}

function python(name: string, version: string, script: string): Client {
  const prepare = async (): Promise<void> => void (await installPython(name, `${name}==${version}`));
  const interpreter = join(WORKSHOP, `${name}-env`, "bin/python");
  return program(`${name} ${version}`, prepare, () => [interpreter, join(PROGRAMS, script)]);
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
  const command = `exec java -cp "$(cat ${list})" ${join(PROGRAMS, source)}`;
  return program(`${name} ${version}`, prepare, () => ["sh", "-c", command]);
}

const nodeModules = join(WORKSHOP, "v9u");
const v9u = program(
  "v9u-smb2 1.0.6",
  async () => {
    mkdirSync(nodeModules, { recursive: true });
    if (!existsSync(join(nodeModules, "node_modules/v9u-smb2")))
      await demand(["npm", "install", "--no-fund", "--prefix", nodeModules, "v9u-smb2@1.0.6"]);
    cpSync(join(PROGRAMS, "v9u.cjs"), join(nodeModules, "v9u.cjs"));
  },
  () => ["node", "--openssl-legacy-provider", join(nodeModules, "v9u.cjs")],
);

const crate = join(WORKSHOP, "smb-rs");
const smbRs = program(
  "smb-rs 0.11.2",
  async () => {
    cpSync(join(PROGRAMS, "smb-rs"), crate, { recursive: true });
    await demand(["cargo", "build", "-q"], { cwd: crate, timeoutMs: 900_000 });
  },
  () => [join(crate, "target/debug/smb-rs-program")],
);

const rclone = program(
  "rclone",
  async () => {
    if (Bun.which("rclone") === null) await demand(["apt-get", "install", "-y", "-q", "rclone"]);
  },
  () => ["sh", join(PROGRAMS, "rclone.sh")],
);

const gvfs = program(
  "gvfs",
  async () => {
    if (existsSync("/usr/lib/gvfs/gvfsd-smb") && Bun.which("dbus-run-session") !== null) return;
    await demand(["apt-get", "install", "-y", "-q", "gvfs-backends", "dbus-daemon", "libglib2.0-bin"]);
  },
  () => ["dbus-run-session", "--", "sh", join(PROGRAMS, "gvfs.sh")],
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
