// The certificate of the web page: the server's own, or the administrator's.
import { afterAll, beforeAll, expect, test } from "bun:test";
import { chmodSync, closeSync, openSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { connect, type DetailedPeerCertificate } from "node:tls";
import { FlockOperation, flockFd } from "../../../src/linux/locks.ts";
import { isListening } from "../../peer/test-server.ts";
import { minismbd } from "../client/control-rig.ts";
import { reload } from "../client/reload-rig.ts";
import { awaitLog, startWeb, type WebServer } from "../client/web-rig.ts";

let server: WebServer;

beforeAll(async () => {
  server = await startWeb();
});
afterAll(() => server.stop());

function certificateOf({ webPort }: WebServer): Promise<DetailedPeerCertificate> {
  const { promise, reject, resolve } = Promise.withResolvers<DetailedPeerCertificate>();
  const socket = connect({ host: "127.0.0.1", port: webPort, rejectUnauthorized: false }, () => {
    resolve(socket.getPeerCertificate(true));
    socket.destroy();
  });
  socket.on("error", reject);
  return promise;
}

/** The process that has the certificate before may still take one connection. */
async function awaitCertificate(isWanted: (found: DetailedPeerCertificate) => boolean): Promise<void> {
  const end = performance.now() + 10_000;
  for (;;) {
    const found = await certificateOf(server).catch(() => undefined);
    if (found !== undefined && isWanted(found)) return;
    if (performance.now() > end) throw new Error(`it has ${found?.subject.CN} ${found?.fingerprint256}`);
    await Bun.sleep(20);
  }
}

function openssl(...words: readonly string[]): string {
  const child = Bun.spawnSync(["openssl", ...words], { stderr: "pipe" });
  if (child.exitCode !== 0) throw new Error(child.stderr.toString());
  return child.stdout.toString();
}

/** Reloads with these parameters and waits until the log says `text` once more. */
async function reloadWith(globals: Record<string, string>, text: string): Promise<void> {
  const before = server.log().split(text).length;
  await reload(server, { globals: { "web port": String(server.webPort), ...globals }, shares: { test: {} } });
  await awaitLog(server, text, before);
}

function toldLast(): string | undefined {
  return [...server.log().matchAll(/fingerprint is (\S+)/g)].at(-1)?.[1];
}

const OPEN = "the web page is at";

const ownFile = (): string => join(server.directory, "ksmbd-web.pem");

test("the server makes one in a file that root alone reads, and logs its fingerprint", async () => {
  expect(statSync(ownFile()).mode & 0o777).toBe(0o600);
  const { fingerprint256 } = await certificateOf(server);
  expect(server.log()).toContain(`its certificate's SHA-256 fingerprint is ${fingerprint256}`);
});

test("`minismbd status` shows the fingerprint, and where the page is", async () => {
  const { fingerprint256 } = await certificateOf(server);
  const { out } = minismbd("status", "--control", server.socket);
  expect(out).toContain(`web page on port ${server.webPort}, SHA-256 of its certificate ${fingerprint256}\n`);
});

test("OpenSSL takes it for the server's names and addresses, on P-256", () => {
  const file = ownFile();
  for (const name of ["minismbd", "minismbd.local", "localhost"])
    expect(openssl("verify", "-x509_strict", "-CAfile", file, "-verify_hostname", name, file)).toContain(
      "OK",
    );
  expect(openssl("verify", "-CAfile", file, "-verify_ip", "127.0.0.1", file)).toContain("OK");
  const text = openssl("x509", "-in", file, "-noout", "-text");
  expect(text).toContain("NIST CURVE: P-256");
  expect(text).toMatch(/X509v3 Extended Key Usage: *\n *TLS Web Server Authentication/);
  expect(text).toContain("CA:FALSE");
});

test("curl trusts it where it is given", async () => {
  const url = `https://127.0.0.1:${server.webPort}/`;
  const child = Bun.spawn(
    ["curl", "-sS", "--cacert", ownFile(), "-o", "/dev/null", "-w", "%{http_code}", url],
    {
      stdout: "pipe",
    },
  );
  expect(await child.stdout.text()).toBe("200");
});

test("the administrator's is used from the next reload on, and one that cannot be used closes the page", async () => {
  const key = join(server.directory, "given.key");
  const certificate = join(server.directory, "given.pem");
  const how = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "30"];
  openssl("req", "-x509", ...how, "-subj", "/CN=given.example", "-keyout", key, "-out", certificate);
  const given = { "web certificate": certificate, "web key": key };
  await reloadWith(given, OPEN);
  await awaitCertificate(({ subject }) => subject.CN === "given.example");
  const own = readFileSync(ownFile(), "utf8");
  writeFileSync(certificate, own.slice(own.indexOf("-----BEGIN CERTIFICATE")));
  const wrong = "'web certificate' and 'web key' cannot be used: the key is that of another certificate";
  await reloadWith(given, `${wrong}; the web page is closed`);
  await awaitClosed();
  const missing = { "web certificate": join(server.directory, "missing.pem") };
  await reloadWith(missing, "'web certificate' cannot be read (ENOENT); the web page is closed");
  await awaitClosed();
  await reloadWith({}, OPEN);
  await awaitCertificate(({ fingerprint256 }) => fingerprint256 === toldLast());
});

/** Nobody answers, not even by plain HTTP. */
async function awaitClosed(): Promise<void> {
  const end = performance.now() + 10_000;
  while (await isListening("127.0.0.1", server.webPort)) {
    if (performance.now() > end) throw new Error("the page is still there");
    await Bun.sleep(10);
  }
}

test("while another program keeps the file locked, the server goes on serving", async () => {
  // The temporary file is the lock; see replace-file.ts.
  const lock = `${ownFile()}.tmp`;
  const held = openSync(lock, "wx");
  expect(flockFd(held, FlockOperation.EXCLUSIVE)).toBe(0);
  const [before] = openssl("x509", "-in", ownFile(), "-noout", "-serial").split("\n");
  await reload(server, {
    globals: { "web port": String(server.webPort), "server spn names": "attic" },
    shares: { test: {} },
  });
  expect(minismbd("status", "--control", server.socket).out).toContain("web page on port");
  // It still waits: after three seconds it says that it gives up.
  expect(server.log()).not.toContain("another change is under way");
  rmSync(lock);
  closeSync(held);
  await awaitCertificate(({ subjectaltname }) => subjectaltname?.includes("DNS:attic") === true);
  expect(openssl("x509", "-in", ownFile(), "-noout", "-serial")).not.toContain(before ?? "");
});

test("a file that somebody has damaged is replaced", async () => {
  writeFileSync(ownFile(), "nonsense");
  chmodSync(ownFile(), 0o644);
  await reloadWith({}, OPEN);
  expect(statSync(ownFile()).mode & 0o777).toBe(0o600);
  expect(openssl("x509", "-in", ownFile(), "-noout", "-subject")).toContain("minismbd");
});
