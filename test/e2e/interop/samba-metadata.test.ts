// DOS attributes, creation times and extended attributes that Samba's smbd stores read the same here, and the
// other way round. Both servers serve one folder; smb.conf(5) `store dos attributes`, `ea support`.
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { FileGeneric } from "../../../src/wire/security/access.ts";
import { CreateDisposition, CreateOption } from "../../../src/wire/command/create.ts";
import type { FileId } from "../../../src/wire/file-id.ts";
import { FileAttribute } from "../../../src/wire/fscc/attributes.ts";
import { Status } from "../../../src/wire/status.ts";
import type { TestServer } from "../../peer/test-server.ts";
import { readAll, readAttributes, setAttributes, setBasic } from "../client/attribute-calls.ts";
import { closeFile, type Mount, openFile } from "../client/raw-files.ts";
import { canPair, mountFolder, type Pair, startPair } from "./samba-server.ts";
import { demandSmbclient } from "../client/smbclient.ts";

const BORN = { seconds: 1_000_000_000, nanoseconds: 123_456_700 };
const BEFORE_1970 = { seconds: -63_158_400, nanoseconds: 0 };
const { READONLY, HIDDEN, SYSTEM, ARCHIVE, DIRECTORY, NORMAL } = FileAttribute;

describe.skipIf(!canPair)("Samba and minismbd on one folder", () => {
  let pair: Pair;
  const mounts = new Map<TestServer, Mount>();
  const on = (server: TestServer): Mount => mounts.get(server) as Mount;
  beforeAll(async () => {
    pair = await startPair();
    for (const server of [pair.ours, pair.samba]) mounts.set(server, await mountFolder(server));
  });
  afterAll(async () => {
    for (const mount of mounts.values()) mount.client.close();
    await pair.stop();
  });

  const ways = [
    ["from Samba to minismbd", () => [pair.samba, pair.ours] as const],
    ["from minismbd to Samba", () => [pair.ours, pair.samba] as const],
  ] as const;

  async function open(mount: Mount, name: string, isNew = false, options = 0): Promise<FileId> {
    const opened = await openFile(mount, name, {
      desiredAccess: isNew ? FileGeneric.ALL : FileGeneric.READ,
      createDisposition: isNew ? CreateDisposition.CREATE : CreateDisposition.OPEN,
      createOptions: options,
    });
    return opened.fileId;
  }

  for (const [way, ends] of ways) {
    test.each([
      ["hidden", HIDDEN | ARCHIVE],
      ["system", SYSTEM | HIDDEN],
      ["readonly", READONLY | ARCHIVE],
      ["everything", READONLY | HIDDEN | SYSTEM | ARCHIVE],
      ["nothing", NORMAL],
    ])(`DOS attributes set on one server are read on the other, ${way}: %s`, async (name, attributes) => {
      const [from, to] = ends();
      const path = `${name} of ${from.name}`;
      const made = await open(on(from), path, true);
      expect(await setBasic(on(from), made, { attributes })).toBe(Status.SUCCESS);
      await closeFile(on(from), made);
      const found = await open(on(to), path);
      expect((await readAll(on(to), found)).attributes).toBe(attributes);
      await closeFile(on(to), found);
    });

    test.each([
      ["long ago", BORN],
      ["before 1970", BEFORE_1970],
    ])(`creation and write times set on one server are read on the other, ${way}: %s`, async (name, time) => {
      const [from, to] = ends();
      const path = `${name} of ${from.name}`;
      const made = await open(on(from), path, true);
      const change = { birth: time, modify: time, attributes: HIDDEN };
      expect(await setBasic(on(from), made, change)).toBe(Status.SUCCESS);
      await closeFile(on(from), made);
      const found = await open(on(to), path);
      const all = await readAll(on(to), found);
      expect([all.birthSeconds, all.birthNanoseconds]).toEqual([time.seconds, time.nanoseconds]);
      expect([all.modifySeconds, all.modifyNanoseconds]).toEqual([time.seconds, time.nanoseconds]);
      expect(all.attributes).toBe(HIDDEN);
      await closeFile(on(to), found);
    });

    test(`a directory's DOS attributes and creation time are read on the other server, ${way}`, async () => {
      const [from, to] = ends();
      const path = `folder of ${from.name}`;
      const made = await open(on(from), path, true, CreateOption.DIRECTORY_FILE);
      await setBasic(on(from), made, { birth: BORN, attributes: HIDDEN | DIRECTORY });
      await closeFile(on(from), made);
      const found = await open(on(to), path);
      const all = await readAll(on(to), found);
      expect([all.birthSeconds, all.birthNanoseconds]).toEqual([BORN.seconds, BORN.nanoseconds]);
      expect(all.attributes).toBe(HIDDEN | DIRECTORY);
      await closeFile(on(to), found);
    });

    test(`extended attributes set on one server are read on the other, ${way}`, async () => {
      const [from, to] = ends();
      const path = `tagged of ${from.name}`;
      const made = await open(on(from), path, true);
      const attributes = { Colour: "red", "com.example.tag": "x y", $LXUID: "\u0001" };
      expect(await setAttributes(on(from), made, attributes)).toBe(Status.SUCCESS);
      expect(await setAttributes(on(from), made, { COLOUR: "blue" })).toBe(Status.SUCCESS);
      await closeFile(on(from), made);
      const found = await open(on(to), path);
      expect(await readAttributes(on(to), found)).toEqual({ ...attributes, Colour: "blue" });
      await closeFile(on(to), found);
    });
  }

  test("smbclient lists the same DOS attributes from both servers", async () => {
    const made = await open(on(pair.ours), "seen", true);
    await setBasic(on(pair.ours), made, { birth: BORN, attributes: HIDDEN | SYSTEM });
    await closeFile(on(pair.ours), made);
    const said: string[] = [];
    for (const server of [pair.ours, pair.samba]) {
      const output = await demandSmbclient(server, ["ls seen"]);
      said.push(/^\s+seen\s+(\w+)\s+0 /m.exec(output)?.[1] ?? "");
    }
    expect(said).toEqual(["HS", "HS"]);
  });
});
