// Attacks with identifiers and keys: other clients' sessions, trees and files, signatures, encryption,
// downgrades. [MS-SMB2] 3.3.5.2.1 to 3.3.5.2.10, 3.3.5.15.12, 3.1.4.1, 3.1.4.3.
import { afterAll, afterEach, beforeAll, describe, expect, test } from "bun:test";
import { Writer } from "../../../src/wire/cursor.ts";
import { FILE_ID_ALL_ONES } from "../../../src/wire/file-id.ts";
import { Fsctl } from "../../../src/wire/fscc/fsctl.ts";
import { encodeValidateNegotiateRequest } from "../../../src/wire/fscc/validate-negotiate.ts";
import { Command, HeaderFlag, HeaderOffset } from "../../../src/wire/header.ts";
import { Capability, Dialect } from "../../../src/wire/command/negotiate.ts";
import { Status } from "../../../src/wire/status.ts";
import { TransformOffset } from "../../../src/wire/transform.ts";
import { TESTER, TESTER2, type TestServer } from "../../peer/test-server.ts";
import type { Call } from "../client/raw-calls.ts";
import { RawClient } from "../client/raw-client.ts";
import {
  callOn,
  closeCall,
  createCall,
  createFile,
  ioctlCall,
  type Mount,
  mountShare,
  readCall,
  readFile,
  writeFile,
} from "../client/raw-files.ts";
import { RawSession } from "../client/raw-session.ts";
import { nativeProvider } from "../../../src/crypto/native.ts";
import { expectOutcome, expectServing, mountTest, outcomeOf, startVictim } from "../client/attack-rig.ts";

let server: TestServer;
beforeAll(async () => {
  server = await startVictim();
});
afterAll(() => server.stop());
afterEach(() => expectServing(server));

const echo = (mount: Pick<Mount, "session">): Call => ({
  command: Command.ECHO,
  session: mount.session,
  body: (writer) => writer.u32(4),
});

describe("other clients' identifiers, and identifiers in compounds", () => {
  test("a session id of another connection gets STATUS_USER_SESSION_DELETED", async () => {
    const mine = await mountTest(server);
    const victim = await mountShare(server, TESTER2, "test");
    for (const sign of [false, true]) {
      const call = { ...createCall(mine, ""), sessionId: victim.session.id, treeId: victim.treeId, sign };
      expectOutcome(await mine.client.outcome(call), Status.USER_SESSION_DELETED, "closed");
    }
    expectOutcome(await victim.client.outcome(createCall(victim, "")), Status.SUCCESS);
    mine.client.close();
    victim.client.close();
  });

  test("an unknown tree id gets STATUS_NETWORK_NAME_DELETED", async () => {
    const mine = await mountTest(server);
    const victim = await mountShare(server, TESTER2, "test");
    for (const treeId of [victim.treeId + 1, 0, 0xffff_ffff]) {
      const outcome = await mine.client.outcome({ ...createCall(mine, ""), treeId });
      expectOutcome(outcome, Status.NETWORK_NAME_DELETED);
    }
    mine.client.close();
    victim.client.close();
  });

  test("a FileId of another session, or one never given out, gets STATUS_FILE_CLOSED", async () => {
    const mine = await mountTest(server);
    const victim = await mountShare(server, TESTER2, "test");
    const file = await createFile(victim, "theirs");
    for (const id of [
      file,
      FILE_ID_ALL_ONES,
      { persistentLow: 0, persistentHigh: 0, volatileLow: 0, volatileHigh: 0 },
      { ...file, persistentHigh: 0x8000_0000 },
    ]) {
      expectOutcome(await mine.client.outcome(readCall(mine, id, 0, 10)), Status.FILE_CLOSED);
      expectOutcome(await mine.client.outcome(closeCall(mine, id)), Status.FILE_CLOSED);
    }
    expectOutcome(await victim.client.outcome(closeCall(victim, file)), Status.SUCCESS);
    mine.client.close();
    victim.client.close();
  });

  test("a related request that is the first, or follows a failure, fails", async () => {
    const mount = await mountTest(server);
    const related = { flags: HeaderFlag.RELATED_OPERATIONS };
    const first = { ...closeCall(mount, FILE_ID_ALL_ONES), ...related };
    expectOutcome(await mount.client.outcome(first), Status.INVALID_PARAMETER, Status.FILE_CLOSED);
    const failed = await Promise.all(
      mount.client.compound([
        createCall(mount, "is not there"),
        { ...readCall(mount, FILE_ID_ALL_ONES, 0, 10), ...related },
        { ...closeCall(mount, FILE_ID_ALL_ONES), ...related },
      ]),
    );
    for (const { status } of failed) expectOutcome(status, Status.OBJECT_NAME_NOT_FOUND);
    const apart = await Promise.all(
      mount.client.compound([createCall(mount, ""), closeCall(mount, FILE_ID_ALL_ONES)]),
    );
    expectOutcome(apart[1]?.status ?? 0, Status.FILE_CLOSED);
    mount.client.close();
  });

  test("session and tree are checked for each member of a compound", async () => {
    const mount = await mountTest(server);
    const file = await createFile(mount, "mine");
    const replies = await Promise.all(
      mount.client.compound([
        createCall(mount, ""),
        { ...closeCall(mount, file), treeId: mount.treeId + 17 },
        { ...echo(mount), sessionId: 0x7777, sign: false },
        closeCall(mount, file),
      ]),
    );
    expectOutcome(replies[0]?.status ?? -1, Status.SUCCESS);
    expectOutcome(replies[1]?.status ?? -1, Status.NETWORK_NAME_DELETED);
    expectOutcome(replies[2]?.status ?? -1, Status.SUCCESS, Status.USER_SESSION_DELETED);
    expectOutcome(replies[3]?.status ?? -1, Status.SUCCESS);
    mount.client.close();
  });
});

describe("signatures and encryption", () => {
  test("a request with a wrong signature is denied", async () => {
    for (const dialect of [Dialect.SMB_2_0_2, Dialect.SMB_3_0, Dialect.SMB_3_1_1]) {
      const mount = await mountTest(server, { dialects: [dialect] });
      for (const at of [HeaderOffset.SIGNATURE, HeaderOffset.SIGNATURE + 15, 70]) {
        const editSigned = (bytes: Uint8Array): undefined => {
          bytes[at] = (bytes[at] ?? 0) ^ 1;
        };
        const outcome = await outcomeOf(
          mount.client.demand("wrongly signed", { ...createCall(mount, ""), editSigned }),
        );
        expectOutcome(outcome, Status.ACCESS_DENIED, "closed");
      }
      mount.client.close();
    }
  });

  test("a request without a signature is denied where signing is mandatory", async () => {
    const strict = await startVictim({ parameters: { "server signing": "mandatory" } });
    try {
      for (const dialect of [Dialect.SMB_2_0_2, Dialect.SMB_2_1, Dialect.SMB_3_1_1]) {
        const mount = await mountTest(strict, { dialects: [dialect] });
        const outcome = await mount.client.outcome({ ...createCall(mount, ""), sign: false });
        expectOutcome(outcome, Status.ACCESS_DENIED, "closed");
        mount.client.close();
      }
    } finally {
      await strict.stop();
    }
  });

  test("an unencrypted request is denied where the server or the share requires encryption", async () => {
    const strict = await startVictim({ parameters: { "smb3 encryption": "mandatory" } });
    try {
      expectOutcome(await outcomeOf(mountTest(strict)), Status.ACCESS_DENIED, "closed");
      expectOutcome(
        await outcomeOf(mountTest(strict, { dialects: [Dialect.SMB_2_1] })),
        Status.ACCESS_DENIED,
        "closed",
      );
      const mount = await mountTest(strict, { protection: "sealed" });
      mount.session.seals = false;
      expectOutcome(await mount.client.outcome(createCall(mount, "")), Status.ACCESS_DENIED, "closed");
      mount.client.close();
      const shares = [{ name: "test" }, { name: "secret", parameters: { "smb3 encryption": "mandatory" } }];
      const other = await startVictim({ shares });
      const client = await RawClient.connect(other);
      await client.negotiate();
      const session = await client.logOn(TESTER);
      const plain = await outcomeOf(
        client
          .connectTree(session, "secret")
          .then((treeId) => client.demand("create", createCall({ client, session, treeId }, ""))),
      );
      expectOutcome(plain, Status.ACCESS_DENIED, "closed");
      client.close();
      await other.stop();
    } finally {
      await strict.stop();
    }
  });

  test("an encrypted frame with a wrong tag, session, size or flag, or a nested one, closes the connection", async () => {
    type Change = (frame: Uint8Array, view: DataView, mount: Mount) => Uint8Array | undefined;
    const changes: Record<string, Change> = {
      tag: (_frame, view) => void view.setUint8(TransformOffset.SIGNATURE, view.getUint8(4) ^ 1),
      text: (frame) => void (frame[frame.length - 1] = (frame[frame.length - 1] ?? 0) ^ 1),
      session: (_frame, view) => void view.setUint32(TransformOffset.SESSION_ID, 0x1234_5678, true),
      larger: (frame, view) => void view.setUint32(TransformOffset.ORIGINAL_MESSAGE_SIZE, frame.length, true),
      huge: (_frame, view) => void view.setUint32(TransformOffset.ORIGINAL_MESSAGE_SIZE, 0xffff_ffff, true),
      flags: (_frame, view) => void view.setUint16(TransformOffset.FLAGS, 0, true),
      short: (frame) => frame.subarray(0, 52),
      nested: (frame, _view, mount) => mount.session.seal(frame),
    };
    for (const [name, change] of Object.entries(changes)) {
      const mount = await mountTest(server, { protection: "sealed" });
      const { bytes } = mount.client.build(createCall(mount, ""));
      const frame = mount.session.seal(bytes);
      mount.client.socket.sendFrame(change(frame, new DataView(frame.buffer), mount) ?? frame);
      expect([name, await mount.client.isClosedSoon()]).toEqual([name, true]);
    }
  });

  test("a replayed encrypted request closes the connection", async () => {
    const mount = await mountTest(server, { protection: "sealed" });
    const { bytes, messageId } = mount.client.build(createCall(mount, ""));
    const { reply } = mount.client.expect(messageId);
    const frame = mount.session.seal(bytes);
    mount.client.socket.sendFrame(frame.slice());
    expectOutcome((await reply).status, Status.SUCCESS);
    mount.client.socket.sendFrame(frame);
    expect(await mount.client.isClosedSoon()).toBe(true);
  });

  test("a request encrypted for a session without encryption keys closes the connection", async () => {
    const mount = await mountTest(server, { dialects: [Dialect.SMB_2_1] });
    const zeros = new Uint8Array(16);
    const algorithms = { dialect: Dialect.SMB_3_0, cipher: 1, signing: 1 };
    const forged = new RawSession(nativeProvider, mount.session.id, algorithms, zeros, zeros, 0);
    const { bytes } = mount.client.build(createCall(mount, ""));
    mount.client.socket.sendFrame(forged.seal(bytes));
    expect(await mount.client.isClosedSoon()).toBe(true);
  });

  test("replies to encrypted requests, errors too, are encrypted, and no nonce is used twice", async () => {
    const mount = await mountTest(server, { protection: "sealed" });
    const nonces = new Set<string>();
    mount.client.onSealed = (frame) => nonces.add(frame.subarray(TransformOffset.NONCE, 36).toHex());
    for (let round = 0; round < 200; round++) {
      const reply = await mount.client.request(createCall(mount, "is not there"));
      expect(reply.isSealed).toBe(true);
    }
    expect(nonces.size).toBe(200);
    mount.client.close();
  });
});

describe("downgrade", () => {
  test("a client whose NEGOTIATE was changed on the way derives other keys and fails to log on", async () => {
    const client = await RawClient.connect(server);
    await client.negotiate({ dialects: [Dialect.SMB_3_1_1] });
    client.preauthHash = new Uint8Array(64).fill(1);
    await expect(client.logOn(TESTER)).rejects.toThrow(/wrongly signed/);
    client.close();
  });

  test.each([
    ["the same", {}, Status.SUCCESS],
    ["other capabilities", { capabilities: 0 }, "closed"],
    ["another client GUID", { clientGuid: new Uint8Array(16) }, "closed"],
    ["another security mode", { securityMode: 3 }, "closed"],
    ["more dialects", { dialects: [Dialect.SMB_2_1, Dialect.SMB_3_0, Dialect.SMB_3_0_2] }, "closed"],
    ["no dialects", { dialects: [] }, "closed"],
  ] as const)("VALIDATE_NEGOTIATE_INFO checks the negotiation: %s", async (_name, change, expected) => {
    const honest = {
      capabilities: Capability.ENCRYPTION | Capability.LARGE_MTU,
      clientGuid: new Uint8Array(16).fill(7),
      securityMode: 1,
      dialects: [Dialect.SMB_2_1, Dialect.SMB_3_0],
    };
    const mount = await mountTest(server, honest);
    const writer = new Writer(new Uint8Array(100));
    encodeValidateNegotiateRequest(writer, { ...honest, ...change });
    const input = writer.bytes.slice(0, writer.position);
    const call = ioctlCall(mount, Fsctl.VALIDATE_NEGOTIATE_INFO, input);
    expectOutcome(
      await mount.client.outcome(call),
      expected,
      ...(expected === "closed" ? [Status.INVALID_PARAMETER] : []),
    );
    mount.client.close();
  });

  test("each session on a connection has a hash and keys of its own", async () => {
    const mount = await mountTest(server);
    const second = await mount.client.logOn(TESTER2);
    const third = await mount.client.logOn(TESTER);
    for (const session of [second, mount.session, third]) {
      const treeId = await mount.client.connectTree(session, "test");
      const theirs = { client: mount.client, session, treeId };
      const file = await createFile(theirs, `file of ${session.id}`);
      await writeFile(theirs, file, 0, new Uint8Array(10));
      expect((await readFile(theirs, file, 0, 10)).length).toBe(10);
    }
    // One session's key does not sign another's requests.
    const forged = {
      ...createCall(mount, ""),
      session: second,
      treeId: mount.treeId,
      sessionId: mount.session.id,
    };
    expectOutcome(await mount.client.outcome(forged), Status.ACCESS_DENIED, "closed");
    mount.client.close();
  });
});

describe("anonymous sessions have no keys", () => {
  test("a request encrypted with keys of zeros closes the connection", async () => {
    const client = await RawClient.connect(server);
    await client.negotiate();
    const session = await client.logOn({ user: "", password: "", isAnonymous: true });
    const treeId = await client.connectTree(session, "IPC$");
    const mount = { client, session, treeId };
    const zeros = new Uint8Array(16);
    const forged = new RawSession(
      nativeProvider,
      session.id,
      client.algorithms,
      zeros,
      client.preauthHash,
      0,
    );
    const call = callOn({ ...mount, session: forged }, Command.ECHO, (writer) => writer.u32(4));
    expectOutcome(
      await client.outcome({ ...call, sign: true }),
      Status.ACCESS_DENIED,
      Status.SUCCESS,
      "closed",
    );
    const { bytes } = client.build(createCall(mount, "srvsvc"));
    client.socket.sendFrame(forged.seal(bytes));
    expect(await client.isClosedSoon()).toBe(true);
  });
});
