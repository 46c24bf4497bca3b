// What nmap's scripts for HTTP and TLS find on the web page.
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { startWeb, type WebServer } from "../client/web-rig.ts";

const SCRIPTS = [
  ...[
    "http-methods",
    "http-security-headers",
    "http-csrf",
    "http-headers",
    "http-cookie-flags",
    "http-trace",
  ],
  ...["http-title", "http-server-header", "http-cors", "http-cross-domain-policy", "http-vuln-cve2011-3192"],
  ...["ssl-enum-ciphers", "ssl-cert", "ssl-dh-params", "ssl-heartbleed", "ssl-poodle", "tls-alpn"],
];

describe.skipIf(Bun.which("nmap") === null)("nmap", () => {
  let server: WebServer;
  let output = "";
  beforeAll(async () => {
    server = await startWeb();
    const words = [
      "-Pn",
      "-n",
      "-sT",
      `-p${server.webPort}`,
      "--script",
      SCRIPTS.map((name) => `+${name}`).join(),
    ];
    const child = Bun.spawn(["nmap", ...words, "127.0.0.1"], { stdout: "pipe", stderr: "ignore" });
    output = await child.stdout.text();
  }, 120_000);
  afterAll(() => server.stop());

  test("finds the page", () => {
    expect(output).toContain("http-title: minismbd");
    expect(output).toContain("commonName=minismbd");
  });

  test("finds TLS 1.2 and 1.3 alone, with ciphers of the best grade", () => {
    expect([...output.matchAll(/(?:SSL|TLS)v[\d.]+/g)].map(([version]) => version)).not.toContain("TLSv1.1");
    expect(output).toContain("TLSv1.3");
    expect(output).toContain("least strength: A");
  });

  test("finds no method that changes, no trace, no server's name and no other origin that is let in", () => {
    expect(output).not.toContain("TRACE is enabled");
    expect(output).not.toContain("http-server-header");
    expect(output).not.toMatch(/http-cors|Access-Control/i);
    expect(output).not.toContain("VULNERABLE");
  });

  test("finds the headers that protect the page", () => {
    for (const name of [
      "X-Frame-Options",
      "X-Content-Type-Options",
      "Content-Security-Policy",
      "Referrer-Policy",
    ])
      expect(output).toContain(name);
  });
});
