// Finder's Get Info: facts, comments, tags, the lock and permissions of files and folders, each by a compound as
// macOS sends it; smbfs_setattr, smb2fs_smb_cmpd_create_write_xattr and smb2fs_smb_cmpd_set_get_security of Apple's
// published SMBClient sources.
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { statSync } from "node:fs";
import { join } from "node:path";
import {
  CreateDisposition,
  CreateOption,
  decodeCreateResponse,
  ShareAccess,
} from "../../../src/wire/command/create.ts";
import {
  decodeQueryInfoResponse,
  InfoType,
  SecurityInformation,
} from "../../../src/wire/command/query-info.ts";
import { FILE_ID_ALL_ONES } from "../../../src/wire/file-id.ts";
import { FileAttribute } from "../../../src/wire/fscc/attributes.ts";
import { decodeAllInformation, encodeBasicChange } from "../../../src/wire/fscc/file-information.ts";
import { FileInfoClass } from "../../../src/wire/fscc/info-class.ts";
import { decodeStreams } from "../../../src/wire/fscc/stream.ts";
import { HeaderFlag } from "../../../src/wire/header.ts";
import { Access } from "../../../src/wire/security/access.ts";
import { Status } from "../../../src/wire/status.ts";
import { canMakePluggedDisk, makePluggedDisk, type PluggedDisk } from "../../peer/plugged-disk.ts";
import { againstSmbd } from "../../peer/start.ts";
import type { TestServer } from "../../peer/test-server.ts";
import { bytesOf } from "../client/attribute-calls.ts";
import { leasingClient } from "../client/lease-rig.ts";
import type { Call, Reply } from "../client/raw-calls.ts";
import {
  closeFile,
  createCall,
  deleteCall,
  type Mount,
  openFile,
  queryInfoCall,
  renameCall,
  setInfoCall,
  writeCall,
} from "../client/raw-files.ts";
import {
  descriptorOf,
  encodeDescriptor,
  OWNER_GROUP_DACL,
  querySecurityCall,
  setSecurityCall,
} from "../client/security-calls.ts";
import { startServer } from "../client/server.ts";
import { afpInfo, MAC_QUERY, mountAsMac, startForMacs, TAGS_ATTRIBUTE } from "./mac.ts";
import { MacFiles, statusesOf } from "./mac-files.ts";

const COMMENT_ATTRIBUTE = "com.apple.metadata\uf022kMDItemFinderComment";
const ONES = FILE_ID_ALL_ONES;
const DONE = ["SUCCESS", "SUCCESS", "SUCCESS"];
const CHANGING = Access.READ_ATTRIBUTES | Access.DELETE | Access.SYNCHRONIZE;
const { ARCHIVE, READONLY, DIRECTORY } = FileAttribute;

const hasDisk = canMakePluggedDisk("exFAT by FUSE") && !againstSmbd;

describe.each(["linux", "exfat"])("on %s", (where) => {
  const canRun = where === "linux" || hasDisk;
  let disk: PluggedDisk | undefined;
  let server: TestServer;
  let mac: Mount;
  let files: MacFiles;
  beforeAll(async () => {
    if (!canRun) return;
    disk = where === "exfat" ? makePluggedDisk("exFAT by FUSE") : undefined;
    server =
      disk === undefined
        ? await startForMacs()
        : await startServer({ shares: [{ name: "test", path: disk.path }] });
    mac = await mountAsMac(server, "test", MAC_QUERY, leasingClient());
    files = new MacFiles(mac);
  });
  afterAll(async () => {
    mac?.client.close();
    await server?.stop();
    disk?.remove();
  });

  const at = (name: string): string => join(server.shares.get("test") ?? "", name);

  function messageOf(reply: Reply | undefined) {
    if (reply === undefined) throw new Error("no reply");
    return reply.message;
  }

  async function factsOf(name: string) {
    const all = queryInfoCall(mac, ONES, InfoType.FILE, FileInfoClass.ALL, 4096);
    const [reply] = await files.within(
      name,
      { desiredAccess: Access.READ_ATTRIBUTES | Access.SYNCHRONIZE },
      all,
    );
    return decodeAllInformation(decodeQueryInfoResponse(messageOf(reply)).buffer);
  }

  function basicCall(change: { readonly attributes?: number; readonly seconds?: number }): Call {
    const modify = change.seconds === undefined ? undefined : { seconds: change.seconds, nanoseconds: 0 };
    const none = { birth: undefined, access: undefined, change: undefined };
    const buffer = bytesOf((writer) =>
      encodeBasicChange(writer, { ...none, modify, attributes: change.attributes ?? 0 }),
    );
    return setInfoCall(mac, ONES, FileInfoClass.BASIC, buffer);
  }

  /** chflags(2), as Finder locks and unlocks. */
  async function setAttributes(name: string, attributes: number): Promise<void> {
    await files.within(
      name,
      { desiredAccess: Access.WRITE_ATTRIBUTES | Access.SYNCHRONIZE },
      basicCall({ attributes }),
    );
  }

  test.skipIf(!canRun)("facts, descriptor and streams come in one compound", async () => {
    await files.write("letter.txt", "Dear Anna");
    await files.setAttribute("letter.txt", TAGS_ATTRIBUTE, "tags");
    const replies = await files.chain(
      "letter.txt",
      {
        desiredAccess: Access.READ_ATTRIBUTES | Access.READ_CONTROL | Access.SYNCHRONIZE,
        contexts: { maximalAccess: { timestamp: undefined }, queryOnDiskId: true },
      },
      queryInfoCall(mac, ONES, InfoType.FILE, FileInfoClass.ALL, 4096),
      querySecurityCall(mac, ONES, OWNER_GROUP_DACL),
      queryInfoCall(mac, ONES, InfoType.FILE, FileInfoClass.STREAM, 32 * 1024),
    );
    expect(statusesOf(replies)).toEqual([...DONE, "SUCCESS", "SUCCESS"]);
    const facts = decodeAllInformation(decodeQueryInfoResponse(messageOf(replies[1])).buffer);
    expect(facts).toMatchObject({ size: 9, links: 1, deletePending: false, isDirectory: false });
    const streams = decodeStreams(decodeQueryInfoResponse(messageOf(replies[3])).buffer);
    expect(streams.map(({ name }) => name).sort()).toEqual(["::$DATA", `:${TAGS_ATTRIBUTE}:$DATA`]);
  });

  test.skipIf(!canRun)("a comment and tags leave the time of the file as it was", async () => {
    await files.write("dated.txt", "old");
    await files.setTimes("dated.txt", 1_400_000_000);
    for (const attribute of [COMMENT_ATTRIBUTE, TAGS_ATTRIBUTE, "AFP_AfpInfo"]) {
      const replies = await files.chain(
        `dated.txt:${attribute}`,
        {
          desiredAccess: Access.WRITE_DATA | Access.WRITE_ATTRIBUTES,
          shareAccess: ShareAccess.READ | ShareAccess.DELETE,
          createDisposition: CreateDisposition.OVERWRITE_IF,
        },
        writeCall(
          mac,
          ONES,
          0,
          attribute === "AFP_AfpInfo" ? afpInfo("TEXTttxt") : new Uint8Array(40).fill(7),
        ),
        basicCall({ seconds: 1_400_000_000 }),
      );
      expect(statusesOf(replies)).toEqual([...DONE, "SUCCESS"]);
      expect(Math.floor(statSync(at("dated.txt")).mtimeMs / 1000)).toBe(1_400_000_000);
    }
    expect(await files.attributeOf("dated.txt", COMMENT_ATTRIBUTE)).toBe("\x07".repeat(40));
    await files.remove(`dated.txt:${COMMENT_ATTRIBUTE}`);
    const gone = await mac.client.outcome(createCall(mac, `dated.txt:${COMMENT_ATTRIBUTE}`));
    expect(gone).toBe(Status.OBJECT_NAME_NOT_FOUND);
    expect(await files.read("dated.txt")).toBe("old");
  });

  test.skipIf(!canRun)(
    "a locked file is read and renamed, and neither written, tagged nor deleted until it is unlocked",
    async () => {
      await files.write("locked.txt", "text");
      await setAttributes("locked.txt", ARCHIVE | READONLY);
      expect((await factsOf("locked.txt")).attributes & READONLY).toBe(READONLY);
      expect(await files.read("locked.txt")).toBe("text");
      const open = (desiredAccess: number) =>
        mac.client.outcome(createCall(mac, "locked.txt", { desiredAccess }));
      expect(await open(Access.WRITE_DATA)).toBe(Status.ACCESS_DENIED);
      expect(await open(Access.APPEND_DATA)).toBe(Status.ACCESS_DENIED);
      const tag = await files.chain(
        `locked.txt:${TAGS_ATTRIBUTE}`,
        { desiredAccess: Access.WRITE_DATA, createDisposition: CreateDisposition.OVERWRITE_IF },
        writeCall(mac, ONES, 0, new Uint8Array(9)),
      );
      expect(statusesOf(tag)).toEqual(Array<string>(3).fill("ACCESS_DENIED"));
      const remove = await files.chain("locked.txt", { desiredAccess: CHANGING }, deleteCall(mac, ONES));
      expect(statusesOf(remove)).toEqual(["SUCCESS", "CANNOT_DELETE", "SUCCESS"]);
      await files.rename("locked.txt", "renamed.txt");
      expect((await factsOf("renamed.txt")).attributes & READONLY).toBe(READONLY);
      await setAttributes("renamed.txt", ARCHIVE);
      await files.write("renamed.txt", "new text");
      await files.remove("renamed.txt");
    },
  );

  test.skipIf(!canRun)("a locked folder takes files, and is not removed until it is unlocked", async () => {
    await files.makeFolder("folder");
    await setAttributes("folder", DIRECTORY | READONLY);
    await files.write("folder\\new.txt", "");
    await files.remove("folder\\new.txt");
    const options = { desiredAccess: CHANGING, createOptions: CreateOption.DIRECTORY_FILE };
    const removal = await files.chain("folder", options, deleteCall(mac, ONES));
    expect(statusesOf(removal)).toEqual(["SUCCESS", "CANNOT_DELETE", "SUCCESS"]);
    await setAttributes("folder", DIRECTORY);
    await files.remove("folder");
  });

  // exFAT has no permissions.
  const testOfRights = where === "exfat" ? () => undefined : test.skipIf(!canRun);
  testOfRights("permissions are set by an open handle, and the result read with it", async () => {
    await files.write("script.sh", "#!/bin/sh");
    const { fileId } = await openFile(mac, "script.sh", {
      desiredAccess: Access.READ_CONTROL | Access.WRITE_DAC | Access.READ_ATTRIBUTES,
    });
    const aces = [["D", 0, 0, `S-1-5-88-3-${0o750}`]] as const;
    const set = setSecurityCall(
      mac,
      fileId,
      encodeDescriptor(descriptorOf({ aces })),
      SecurityInformation.DACL,
    );
    // macOS names the handle in both, though the second is related to the first.
    const query = {
      ...querySecurityCall(mac, fileId, OWNER_GROUP_DACL),
      flags: HeaderFlag.RELATED_OPERATIONS,
    };
    const replies = await Promise.all(mac.client.compound([set, query]));
    expect(statusesOf(replies)).toEqual(["SUCCESS", "SUCCESS"]);
    expect(statSync(at("script.sh")).mode & 0o777).toBe(0o750);
    await closeFile(mac, fileId);
  });

  test.skipIf(!canRun)(
    "a new file comes with its id, its rights and its descriptor, and stays open",
    async () => {
      const replies = await files.open(
        "new.txt",
        {
          desiredAccess: Access.READ_DATA | Access.WRITE_DATA | Access.READ_CONTROL | Access.READ_ATTRIBUTES,
          createDisposition: CreateDisposition.CREATE,
          fileAttributes: ARCHIVE,
          contexts: { queryOnDiskId: true, maximalAccess: { timestamp: undefined } },
        },
        querySecurityCall(mac, ONES, OWNER_GROUP_DACL),
      );
      expect(statusesOf(replies)).toEqual(["SUCCESS", "SUCCESS"]);
      const { fileId, contexts } = decodeCreateResponse(messageOf(replies[0]));
      expect(contexts.maximalAccess?.maximalAccess).toBe(0x001f_01ff);
      expect(contexts.onDiskId).toBeDefined();
      const write = writeCall(mac, fileId, 0, new Uint8Array(10));
      expect((await mac.client.request(write)).status).toBe(Status.SUCCESS);
      await closeFile(mac, fileId);
      expect((await factsOf("new.txt")).size).toBe(10);
      const rename = await files.chain(
        "new.txt",
        { desiredAccess: CHANGING },
        renameCall(mac, ONES, "NEW.txt", false),
      );
      expect(statusesOf(rename)).toEqual(DONE);
    },
  );
});
