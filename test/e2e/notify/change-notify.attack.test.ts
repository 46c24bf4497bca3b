// CHANGE_NOTIFY requests that the server must refuse: invalid ones, and too many that wait or watch.
// The server answers every request that waits. [MS-SMB2] 3.3.5.19.
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { Access } from "../../../src/wire/security/access.ts";
import { decodeChangeNotifyResponse } from "../../../src/wire/command/change-notify.ts";
import { CreateDisposition, CreateOption } from "../../../src/wire/command/create.ts";
import { FILE_ID_ALL_ONES, type FileId } from "../../../src/wire/file-id.ts";
import { HeaderFlag } from "../../../src/wire/header.ts";
import { Status, statusName } from "../../../src/wire/status.ts";
import type { TestServer } from "../../peer/test-server.ts";
import type { Pending } from "../client/raw-calls.ts";
import { closeFile, createCall, createDirectory, createFile, openFile } from "../client/raw-files.ts";
import { endOf, notifyCall, type NotifyOptions, startWaiting } from "../client/raw-notify.ts";
import { expectServing, mountTest, startVictim } from "../client/attack-rig.ts";

let server: TestServer;
let root = "";

beforeAll(async () => {
  server = await startVictim({ parameters: { "max waiting requests": "40", "max notify handles": "30" } });
  root = server.shares.get("test") ?? "";
});

afterAll(async () => {
  await expectServing(server);
  await server.stop();
});

describe("a client that sends CHANGE_NOTIFY", () => {
  test("for a file, a closed open, without list access or with a too large buffer is refused", async () => {
    const on = await mountTest(server);
    const file = await createFile(on, "plain");
    const closed = await createDirectory(on, "refused");
    await closeFile(on, closed);
    const blind = await openFile(on, "refused", { desiredAccess: Access.READ_ATTRIBUTES });
    const directory = await createDirectory(on, "refused");
    const outcome = async (fileId: FileId, options?: NotifyOptions): Promise<string> =>
      statusName((await on.client.request(notifyCall(on, fileId, options))).status);
    expect(await outcome(file)).toBe("STATUS_INVALID_PARAMETER");
    expect(await outcome(closed)).toBe("STATUS_FILE_CLOSED");
    expect(await outcome(blind.fileId)).toBe("STATUS_ACCESS_DENIED");
    expect(await outcome(directory, { outputBytes: 0xffff_ffff })).toBe("STATUS_INVALID_PARAMETER");
    on.client.close();
  });

  test("with a buffer too small for the changes gets STATUS_NOTIFY_ENUM_DIR", async () => {
    const on = await mountTest(server);
    const fileId = await createDirectory(on, "small");
    const pending = await startWaiting(on, fileId, { outputBytes: 8 });
    writeFileSync(join(root, "small/f"), "");
    const reply = await pending.reply;
    expect(statusName(reply.status)).toBe("STATUS_NOTIFY_ENUM_DIR");
    expect(decodeChangeNotifyResponse(reply.message).buffer).toHaveLength(0);
    on.client.close();
  });

  test("in the middle of a compound gets STATUS_INTERNAL_ERROR", async () => {
    const on = await mountTest(server);
    const notify = notifyCall(on, FILE_ID_ALL_ONES);
    const related = HeaderFlag.RELATED_OPERATIONS;
    const replies = on.client.compound([
      createCall(on, "middle", {
        createDisposition: CreateDisposition.OPEN_IF,
        createOptions: CreateOption.DIRECTORY_FILE,
      }),
      { ...notify, flags: related },
      { ...notify, flags: related },
    ]);
    const [created, middle] = await Promise.all(replies.slice(0, 2));
    expect(created?.status).toBe(Status.SUCCESS);
    expect(middle?.status).toBe(Status.INTERNAL_ERROR);
    on.client.close();
  });

  test("beyond `max waiting requests` is refused; the requests that wait are answered", async () => {
    const on = await mountTest(server);
    const fileId = await createDirectory(on, "crowd");
    const waits: Pending[] = [];
    for (let i = 0; i < 40; i++) waits.push(await startWaiting(on, fileId));
    expect((await on.client.request(notifyCall(on, fileId))).status).toBe(Status.INSUFFICIENT_RESOURCES);
    await closeFile(on, fileId);
    const ends = await Promise.all(waits.map(endOf));
    expect(new Set(ends)).toEqual(new Set(["STATUS_NOTIFY_CLEANUP"]));
    on.client.close();
  });

  test("beyond `max notify handles` of its session is refused until it closes one", async () => {
    const on = await mountTest(server);
    const opens: FileId[] = [];
    for (let i = 0; i < 31; i++) opens.push(await createDirectory(on, "watches"));
    const last = opens.pop() as FileId;
    for (const fileId of opens) await startWaiting(on, fileId, { recursive: true });
    expect((await on.client.request(notifyCall(on, last))).status).toBe(Status.INSUFFICIENT_RESOURCES);
    await closeFile(on, opens.pop() as FileId);
    await startWaiting(on, last);
    const other = await mountTest(server);
    await startWaiting(other, await createDirectory(other, "watches"));
    on.client.close();
    other.client.close();
  });
});
