// Tests of the raw client against the server in every dialect, plain, signed and sealed, with both crypto
// providers. With SERVER=smbd in the environment the same tests check the client against Debian's smbd.
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { randomBytes } from "node:crypto";
import { Dialect } from "../../../src/wire/command/negotiate.ts";
import { Cipher, SigningAlgorithm } from "../../../src/wire/context/negotiate-context.ts";
import { SessionFlag } from "../../../src/wire/command/session-setup.ts";
import { Status } from "../../../src/wire/status.ts";
import { againstSmbd, startSubject } from "../../peer/start.ts";
import { TESTER, type TestServer } from "../../peer/test-server.ts";
import { ALL_DIALECTS, type NegotiateOptions } from "./raw-calls.ts";
import {
  closeCall,
  closeFile,
  createCall,
  createFile,
  deleteCall,
  listDirectory,
  mountShare,
  openFile,
  type Protection,
  readCall,
  readFile,
  writeFile,
} from "./raw-files.ts";
import { FILE_ID_ALL_ONES } from "../../../src/wire/file-id.ts";
import { HeaderFlag } from "../../../src/wire/header.ts";

const servers = new Map<string, TestServer>();
const PROVIDERS = ["native", "pure"] as const;
beforeAll(async () => {
  for (const provider of PROVIDERS) {
    servers.set(provider, await startSubject({ parameters: { "crypto provider": provider } }));
  }
});
afterAll(async () => {
  for (const server of servers.values()) await server.stop();
});

function serverOf(provider: string): TestServer {
  const server = servers.get(provider);
  if (!server) throw new Error(provider);
  return server;
}

interface Case {
  readonly title: string;
  readonly provider: string;
  readonly protection: Protection;
  readonly options: NegotiateOptions;
}

const NAMES: Readonly<Record<number, string>> = {
  [Dialect.SMB_2_0_2]: "2.0.2",
  [Dialect.SMB_2_1]: "2.1",
  [Dialect.SMB_3_0]: "3.0",
  [Dialect.SMB_3_0_2]: "3.0.2",
  [Dialect.SMB_3_1_1]: "3.1.1",
};

function cases(): Case[] {
  return PROVIDERS.flatMap((provider) => variants().map((variant) => ({ ...variant, provider })));
}

function variants(): Omit<Case, "provider">[] {
  const list: Omit<Case, "provider">[] = [];
  for (const dialect of ALL_DIALECTS) {
    const title = NAMES[dialect] ?? "";
    list.push({ title: `${title} plain`, protection: "plain", options: { dialects: [dialect] } });
    if (dialect === Dialect.SMB_3_1_1) continue;
    list.push({ title: `${title} signed`, protection: "signed", options: { dialects: [dialect] } });
    if (dialect < Dialect.SMB_3_0) continue;
    list.push({ title: `${title} sealed`, protection: "sealed", options: { dialects: [dialect] } });
  }
  for (const [name, signing] of Object.entries(SigningAlgorithm)) {
    const options = { dialects: [Dialect.SMB_3_1_1], signing: [signing] };
    list.push({ title: `3.1.1 signed ${name}`, protection: "signed", options });
  }
  for (const [name, cipher] of Object.entries(Cipher)) {
    const options = { dialects: [Dialect.SMB_3_1_1], ciphers: [cipher] };
    list.push({ title: `3.1.1 sealed ${name}`, protection: "sealed", options });
  }
  return list;
}

describe.each(cases())("$provider, $title", ({ title, provider, protection, options }) => {
  test("the client writes, reads, lists and deletes a file", async () => {
    const mount = await mountShare(serverOf(provider), TESTER, "test", { ...options, protection });
    const { client } = mount;
    const wanted = options.dialects?.[0] ?? 0;
    expect(client.algorithms.dialect).toBe(wanted);
    if (options.signing) expect(client.algorithms.signing).toBe(options.signing[0] ?? -1);
    if (options.ciphers) expect(client.algorithms.cipher).toBe(options.ciphers[0] ?? -1);
    const name = `raw ${title}.bin`;
    const data = new Uint8Array(randomBytes(50_000));
    const file = await createFile(mount, name);
    expect(await writeFile(mount, file, 10_000, data)).toBe(data.length);
    const reply = await client.request(readCall(mount, file, 10_000, data.length));
    expect(reply.isSealed).toBe(protection === "sealed");
    expect(reply.signature).toBe(protection === "signed" ? "right" : "none");
    expect(await readFile(mount, file, 0, 10_001)).toEqual(
      new Uint8Array([...new Uint8Array(10_000), data[0] ?? 0]),
    );
    expect(Buffer.compare(await readFile(mount, file, 10_000, 60_000), data)).toBe(0);
    const root = await openFile(mount, "");
    const names = (await listDirectory(mount, root.fileId)).map((record) => record.name);
    expect(names).toContain(name);
    await client.demand("delete", deleteCall(mount, file));
    await closeFile(mount, file);
    expect((await client.request(createCall(mount, name))).status).toBe(Status.OBJECT_NAME_NOT_FOUND);
    expect(client.unclaimed).toEqual([]);
    client.close();
  });

  test("a related compound of CREATE, READ and CLOSE succeeds", async () => {
    const mount = await mountShare(serverOf(provider), TESTER, "test", { ...options, protection });
    const file = await createFile(mount, "compound.bin");
    await writeFile(mount, file, 0, new TextEncoder().encode("in one frame"));
    await closeFile(mount, file);
    const flags = HeaderFlag.RELATED_OPERATIONS;
    const replies = await Promise.all(
      mount.client.compound([
        createCall(mount, "compound.bin"),
        { ...readCall(mount, FILE_ID_ALL_ONES, 0, 100), flags },
        { ...closeCall(mount, FILE_ID_ALL_ONES), flags },
      ]),
    );
    expect(replies.map((reply) => reply.status)).toEqual([0, 0, 0]);
    expect(new TextDecoder().decode(replies[1]?.message.range(80, 12))).toBe("in one frame");
    mount.client.close();
  });

  test("16 parallel READs get the right data", async () => {
    const mount = await mountShare(serverOf(provider), TESTER, "test", { ...options, protection });
    const file = await createFile(mount, `parallel ${title}.bin`);
    const data = new Uint8Array(randomBytes(65_536));
    for (let part = 0; part < 16; part++) await writeFile(mount, file, part * 65_536, data);
    await mount.client.awaitCredits(16);
    const reads = Array.from({ length: 16 }, (_, part) => readFile(mount, file, part * 65_536, 65_536));
    for (const read of await Promise.all(reads)) expect(Buffer.compare(read, data)).toBe(0);
    mount.client.close();
  });
});

test("an anonymous log-on gets SessionFlag IS_NULL", async () => {
  const mount = await mountShare(serverOf("native"), { user: "", password: "", isAnonymous: true }, "IPC$");
  // smbd does not set IS_NULL; 3.3.5.5.3 requires it.
  expect(mount.session.flags & SessionFlag.IS_NULL).toBe(againstSmbd ? 0 : SessionFlag.IS_NULL);
  mount.client.close();
});
