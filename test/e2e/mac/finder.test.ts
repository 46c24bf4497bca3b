// Habits of Finder and of macOS' client: one name in two Unicode forms or with other case, symlinks, and pipes of
// services that the server does not have. smbfs_vnops.c of Apple's published SMBClient sources.
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { createHash } from "node:crypto";
import { mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Access } from "../../../src/wire/security/access.ts";
import { CreateDisposition, CreateOption } from "../../../src/wire/command/create.ts";
import { decodeIoctlResponse } from "../../../src/wire/command/ioctl.ts";
import { EMPTY } from "../../../src/wire/cursor.ts";
import { Fsctl } from "../../../src/wire/fscc/fsctl.ts";
import { decodeReparseBuffer, decodeSymlinkReparse } from "../../../src/wire/fscc/reparse.ts";
import { Status } from "../../../src/wire/status.ts";
import { giveToTester, TESTER, type TestServer } from "../../peer/test-server.ts";
import { outcomeOf } from "../client/attack-rig.ts";
import { closeFile, createCall, ioctlCall, type Mount, mountShare, openFile } from "../client/raw-files.ts";
import { startServer } from "../client/server.ts";
import { mountAsMac } from "./mac.ts";
import { MacFiles } from "./mac-files.ts";

let server: TestServer;
let mac: Mount;
let files: MacFiles;

beforeAll(async () => {
  server = await startServer({
    shares: [{ name: "test" }, { name: "following", parameters: { "follow symlinks": "yes" } }],
  });
  mac = await mountAsMac(server, "test");
  files = new MacFiles(mac);
});
afterAll(async () => {
  mac?.client.close();
  await server?.stop();
});

function at(...names: string[]): string {
  return join(server.shares.get("test") ?? "", ...names);
}

function folder(...names: string[]): void {
  mkdirSync(at(...names), { recursive: true });
  names.forEach((_, i) => giveToTester(at(...names.slice(0, i + 1))));
}

describe("names", () => {
  const nfd = (text: string): string => text.normalize("NFD");

  test("a Mac finds, lists and changes what other clients named in composed form, on the whole path", async () => {
    folder("Übung", "Ärger");
    writeFileSync(at("Übung", "Ärger", "Öl.txt"), "oil");
    giveToTester(at("Übung", "Ärger", "Öl.txt"));
    const path = nfd("Übung\\Ärger");
    expect(await files.read(`${path}\\${nfd("Öl.txt")}`)).toBe("oil");
    await files.write(`${path}\\${nfd("Süß.txt")}`, "sweet");
    await files.makeFolder(`${path}\\${nfd("Fähre")}`);
    await files.write(`${path}\\${nfd("Fähre")}\\${nfd("Möwe")}`, "");
    await files.rename(`${path}\\${nfd("Öl.txt")}`, `${path}\\${nfd("Fähre")}\\${nfd("Öl 2.txt")}`);
    expect(readdirSync(at())).toContain("Übung");
    expect(readdirSync(at()).filter((name) => name.normalize() === "Übung")).toEqual(["Übung"]);
    expect(
      readdirSync(at("Übung", "Ärger"))
        .map((name) => name.normalize())
        .sort(),
    ).toEqual(["Fähre", "Süß.txt"]);
    const found = (await files.list(`${path}\\${nfd("Fähre")}`)).map((name) => name.normalize());
    expect(found.sort()).toEqual(["Möwe", "Öl 2.txt"]);
  });

  test("a name that differs in form alone is taken, and a file can get its own name in the other form", async () => {
    folder("forms");
    for (const name of ["Öl.txt", "Ähre.txt"]) {
      writeFileSync(at("forms", name), name);
      giveToTester(at("forms", name));
    }
    const taken = files.rename(`forms\\${nfd("Ähre.txt")}`, `forms\\${nfd("Öl.txt")}`);
    expect(await outcomeOf(taken)).toBe(Status.OBJECT_NAME_COLLISION);
    await files.rename(`forms\\${nfd("Öl.txt")}`, `forms\\${nfd("Öl.txt")}`);
    expect(
      readFileSync(
        at("forms", readdirSync(at("forms")).find((name) => name.endsWith("l.txt")) ?? ""),
        "utf8",
      ),
    ).toBe("Öl.txt");
    expect(readdirSync(at("forms"))).toHaveLength(2);
  });

  test("a file, and a folder with files in it, is renamed to its name in other case", async () => {
    folder("Photos");
    await files.write("Photos\\img.jpg", "picture");
    await files.rename("Photos\\img.jpg", "Photos\\IMG.jpg");
    await files.rename("Photos", "photos");
    expect(readdirSync(at()).filter((name) => name.toLowerCase() === "photos")).toEqual(["photos"]);
    expect(readdirSync(at("photos"))).toEqual(["IMG.jpg"]);
    expect(await files.read("PHOTOS\\img.JPG")).toBe("picture");
  });
});

describe("symlinks", () => {
  /** As macOS and Linux' client (mfsymlinks) store a symlink where the server takes no reparse points. */
  function symlinkFile(target: string): Uint8Array {
    const sum = createHash("md5").update(target).digest("hex");
    const head = `XSym\n${String(Buffer.byteLength(target)).padStart(4, "0")}\n${sum}\n${target}\n`;
    return new Uint8Array(Buffer.from(head.padEnd(1067, " ")));
  }

  test("a Mac's symlink is a file of 1067 bytes, which stays as it is in packages with links", async () => {
    for (const name of ["Kit.framework", "Kit.framework\\Versions", "Kit.framework\\Versions\\A"])
      await files.makeFolder(name);
    const link = symlinkFile("Versions/Current/Kit");
    await files.write("Kit.framework\\Kit", link);
    await files.write("Kit.framework\\Versions\\Current", symlinkFile("A"));
    await files.rename("Kit.framework", "Renamed.framework");
    expect(Buffer.compare(readFileSync(at("Renamed.framework", "Kit")), link)).toBe(0);
    const found = await files.read("Renamed.framework\\Versions\\Current");
    expect([found.length, found.slice(0, 12)]).toEqual([1067, "XSym\n0001\n7f"]);
  });

  test("the server offers no reparse points, so that macOS makes such files, and refuses to make symlinks", async () => {
    await files.write("plain", "");
    const { fileId } = await openFile(mac, "plain", {
      desiredAccess: Access.WRITE_ATTRIBUTES | Access.WRITE_DATA,
      createOptions: CreateOption.OPEN_REPARSE_POINT,
    });
    const buffer = Buffer.from("0c0000a0140000000000020002000000010000006100610000000000", "hex");
    const call = ioctlCall(mac, Fsctl.SET_REPARSE_POINT, new Uint8Array(buffer), fileId, 0);
    expect(await mac.client.outcome(call)).toBe(Status.ACCESS_DENIED);
    await closeFile(mac, fileId);
  });

  test("a symlink on disk is read as a reparse point, or what it leads to with 'follow symlinks'", async () => {
    writeFileSync(at("target.txt"), "behind the link");
    symlinkSync("target.txt", at("link"));
    const [reply] = await files.within(
      "link",
      {
        desiredAccess: Access.READ_DATA | Access.READ_ATTRIBUTES | Access.SYNCHRONIZE,
        createDisposition: CreateDisposition.OPEN,
        createOptions: CreateOption.OPEN_REPARSE_POINT,
      },
      ioctlCall(mac, Fsctl.GET_REPARSE_POINT, EMPTY),
    );
    if (reply === undefined) throw new Error("no reply");
    const { data } = decodeReparseBuffer(decodeIoctlResponse(reply.message).output);
    expect(decodeSymlinkReparse(data)).toMatchObject({ isRelative: true, substituteName: "target.txt" });
    const path = server.shares.get("following") ?? "";
    writeFileSync(join(path, "target.txt"), "behind the link");
    symlinkSync("target.txt", join(path, "link"));
    const following = await mountAsMac(server, "following");
    expect(await new MacFiles(following).read("link")).toBe("behind the link");
    following.client.close();
  });
});

test("the pipe of Spotlight's service is not found, at once, and that of the security authority is", async () => {
  const pipes = await mountShare(server, TESTER, "IPC$");
  const open = (name: string) =>
    pipes.client.outcome(
      createCall(pipes, name, {
        desiredAccess: Access.READ_DATA | Access.WRITE_DATA | Access.READ_ATTRIBUTES,
      }),
    );
  expect(await open("mdssvc")).toBe(Status.OBJECT_NAME_NOT_FOUND);
  expect(await open("lsarpc")).toBe(Status.SUCCESS);
  expect(await open("srvsvc")).toBe(Status.SUCCESS);
  pipes.client.close();
});
