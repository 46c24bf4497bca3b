// A Mac mounts shares: the create context AAPL.
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { AppleCapability, AppleVolumeCapability } from "../../../src/wire/context/apple-context.ts";
import { Status } from "../../../src/wire/status.ts";
import { outcomeOf } from "../client/attack-rig.ts";
import { closeFile, createCall, type Mount, mountShare, openFile } from "../client/raw-files.ts";
import { startServer } from "../client/server.ts";
import { MAC_QUERY, queryApple } from "./mac.ts";
import { TESTER, type TestServer } from "../../peer/test-server.ts";

let server: TestServer;

beforeAll(async () => {
  server = await startServer({
    shares: [{ name: "test" }, { name: "exact", parameters: { "case sensitive": "yes" } }],
  });
});
afterAll(() => server.stop());

async function mounting<T>(share: string, ask: (mount: Mount) => Promise<T>, place = server): Promise<T> {
  const mount = await mountShare(place, TESTER, share);
  try {
    return await ask(mount);
  } finally {
    mount.client.close();
  }
}

test("a Mac learns the server's model at every mount", async () => {
  await mounting("test", async (mount) => {
    const first = await queryApple(mount);
    expect(first).toMatchObject({ command: 1, model: "MacSamba" });
    const second = { ...mount, treeId: await mount.client.connectTree(mount.session, "exact") };
    expect(await queryApple(second)).toMatchObject({ command: 1, model: "MacSamba" });
    expect(await queryApple(mount)).toEqual(first);
  });
});

test("a Mac that reconnects gets the same answer, whatever share comes first", async () => {
  const one = await mounting("test", queryApple);
  const other = await mounting("exact", queryApple);
  expect(one).toBeDefined();
  expect(await mounting("test", queryApple)).toEqual(one);
  expect(await mounting("exact", queryApple)).toEqual(other);
});

test("the volume's capabilities say for each share whether case counts", async () => {
  const { CASE_SENSITIVE } = AppleVolumeCapability;
  const bits = async (share: string) => (await mounting(share, queryApple))?.volumeCapabilities ?? 0;
  expect((await bits("test")) & CASE_SENSITIVE).toBe(0);
  expect((await bits("exact")) & CASE_SENSITIVE).toBe(CASE_SENSITIVE);
});

test("the answer has what the query asks for, in a file's CREATE as well", async () => {
  await mounting("test", async (mount) => {
    const { fileId, contexts } = await openFile(mount, "", {
      contexts: { apple: { command: 1, requestBitmap: 4, clientCapabilities: 0 }, queryOnDiskId: true },
    });
    expect(contexts.apple).toEqual({ command: 1, model: "MacSamba" });
    expect(contexts.onDiskId).toBeDefined();
    await closeFile(mount, fileId);
    const none = { command: 1, requestBitmap: 0, clientCapabilities: 0 } as const;
    expect(await queryApple(mount, none)).toEqual({ command: 1 });
  });
});

test("a command of a later macOS is ignored, a context that is too short is refused", async () => {
  await mounting("test", async (mount) => {
    const { fileId, contexts } = await openFile(mount, "", { contexts: { apple: { command: 0 } } });
    expect(contexts.apple).toBeUndefined();
    await closeFile(mount, fileId);
    const call = createCall(mount, "", {
      contexts: { unknown: [{ tag: "AAPL", data: Uint8Array.of(1, ...Array<number>(11).fill(0)) }] },
    });
    expect(await outcomeOf(mount.client.demand("CREATE", call))).toBe(Status.INVALID_PARAMETER);
  });
});

describe("with other settings", () => {
  const model = "TimeCapsule8,119".padEnd(100, "x");
  let other: TestServer;
  beforeAll(async () => {
    other = await startServer({ parameters: { "fruit:model": model, "fruit:readdir_attr": "no" } });
  });
  afterAll(() => other?.stop());

  test("fruit:model is the model, 64 characters at most", async () => {
    const answer = await mounting("test", queryApple, other);
    expect(answer?.model).toBe("TimeCapsule8,119".padEnd(64, "x"));
  });

  test("with fruit:readdir_attr = no the server claims no listings for Macs", async () => {
    const answer = await mounting("test", queryApple, other);
    expect(answer?.serverCapabilities).toBe(
      AppleCapability.UNIX_BASED | AppleCapability.NFS_ACE | AppleCapability.OSX_COPYFILE,
    );
  });
});

test("with fruit:aapl = no there is no answer", async () => {
  const other = await startServer({ parameters: { "fruit:aapl": "no" } });
  try {
    expect(await mounting("test", (mount) => queryApple(mount, MAC_QUERY), other)).toBeUndefined();
  } finally {
    await other.stop();
  }
});
