// Sends the same requests to this server and to Debian's smbd, and prints the requests whose results differ.
// Usage: bun test/peer/differential.ts [part of a name]; [MS-SMB2] 3.3.5.9, 3.3.5.15, 3.3.5.20, 3.3.5.21.
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { readdirSync, chownSync, chmodSync } from "node:fs";
import { join } from "node:path";
import { Access } from "../../src/wire/security/access.ts";
import { type CreateRequest, CreateOption, decodeCreateResponse } from "../../src/wire/command/create.ts";
import { FILE_ID_ALL_ONES } from "../../src/wire/file-id.ts";
import { Fsctl } from "../../src/wire/fscc/fsctl.ts";
import { FileInfoClass } from "../../src/wire/fscc/info-class.ts";
import { InfoType } from "../../src/wire/command/query-info.ts";
import { Status, statusName } from "../../src/wire/status.ts";
import {
  closeCall,
  createCall,
  ioctlCall,
  type Mount,
  mountShare,
  openFile,
  queryDirectoryCall,
  queryInfoCall,
  setInfoCall,
} from "../e2e/client/raw-files.ts";
import { startServer } from "../e2e/client/server.ts";
import { startSmbd } from "./smbd.ts";
import { TESTER, TESTER_UID, type TestServer } from "./test-server.ts";

/** A named request; `run` returns the status and other results that should be equal on both servers. */
export interface Probe {
  readonly name: string;
  readonly run: (mount: Mount) => Promise<string>;
}

/** Parameters with which smbd stores the attributes that NTFS stores. */
const SMBD_PARAMETERS = {
  "store dos attributes": "yes",
  "map archive": "no",
  "map readonly": "no",
  "kernel share modes": "no",
};

const TARGETS: Readonly<Record<string, string>> = {
  "a missing file": "missing",
  "a file": "file",
  "a folder": "folder",
  "below a file": "file\\x",
  "below a missing folder": "missing\\x",
  "the root": "",
};

async function create(mount: Mount, name: string, options: Partial<CreateRequest>): Promise<string> {
  const reply = await mount.client.request(createCall(mount, name, options));
  if (reply.status !== Status.SUCCESS) return statusName(reply.status);
  const { fileId, createAction, file } = decodeCreateResponse(reply.message);
  await mount.client.request(closeCall(mount, fileId));
  const kind = (file.attributes & 0x10) === 0 ? "file" : "folder";
  return `${statusName(reply.status)}, action ${createAction}, ${kind}`;
}

function* createProbes(): Generator<Probe> {
  const options = {
    "": 0,
    ", must be a folder": CreateOption.DIRECTORY_FILE,
    ", must be a file": CreateOption.NON_DIRECTORY_FILE,
    ", must be both": CreateOption.DIRECTORY_FILE | CreateOption.NON_DIRECTORY_FILE,
    ", delete on close": CreateOption.DELETE_ON_CLOSE,
  };
  for (const [what, name] of Object.entries(TARGETS)) {
    for (let createDisposition = 0; createDisposition <= 6; createDisposition++) {
      for (const [how, createOptions] of Object.entries(options)) {
        const desiredAccess = Access.READ_DATA | Access.WRITE_DATA | Access.DELETE | Access.READ_ATTRIBUTES;
        yield {
          name: `create ${what}, disposition ${createDisposition}${how}`,
          run: (mount) => create(mount, name, { createDisposition, createOptions, desiredAccess }),
        };
      }
    }
  }
}

function* bitProbes(): Generator<Probe> {
  for (const [what, name] of [
    ["file", "file"],
    ["folder", "folder"],
  ] as const) {
    for (let bit = 0; bit < 32; bit++) {
      const value = (1 << bit) >>> 0;
      const hex = `0x${value.toString(16)}`;
      yield { name: `open ${what}, access ${hex}`, run: (m) => create(m, name, { desiredAccess: value }) };
      yield { name: `open ${what}, option ${hex}`, run: (m) => create(m, name, { createOptions: value }) };
      yield {
        name: `open ${what}, attribute ${hex}`,
        run: (m) => create(m, name, { fileAttributes: value }),
      };
      yield {
        name: `create ${what}, attribute ${hex}`,
        run: (m) =>
          create(m, `new ${what}`, {
            fileAttributes: value,
            createDisposition: 2,
            createOptions: what === "folder" ? CreateOption.DIRECTORY_FILE : 0,
          }),
      };
      if (bit > 3) continue;
      yield { name: `open ${what}, sharing ${hex}`, run: (m) => create(m, name, { shareAccess: value }) };
      yield {
        name: `open ${what}, impersonation ${bit + 1}`,
        run: (m) => create(m, name, { impersonationLevel: bit + 1 }),
      };
    }
    yield { name: `open ${what}, no access`, run: (m) => create(m, name, { desiredAccess: 0 }) };
  }
}

async function statusOf(mount: Mount, call: Parameters<Mount["client"]["request"]>[0]): Promise<string> {
  return statusName((await mount.client.request(call)).status);
}

async function openBoth(mount: Mount, what: string) {
  const desiredAccess = Access.MAXIMUM_ALLOWED;
  return (await openFile(mount, what, { desiredAccess })).fileId;
}

function* infoProbes(): Generator<Probe> {
  for (const what of ["file", "folder"]) {
    for (let infoClass = 0; infoClass <= 80; infoClass++) {
      for (const length of [0, 8, 65_536]) {
        yield {
          name: `query ${what}, class ${infoClass}, ${length} bytes`,
          run: async (m) =>
            statusOf(m, queryInfoCall(m, await openBoth(m, what), InfoType.FILE, infoClass, length)),
        };
      }
      // For the rename and link classes zeros are an invalid name, so nothing is renamed.
      for (const length of [0, 1, 200]) {
        if (infoClass === FileInfoClass.DISPOSITION && length > 1) continue;
        yield {
          name: `set ${what}, class ${infoClass}, ${length} zeros`,
          run: async (m) =>
            statusOf(m, setInfoCall(m, await openBoth(m, what), infoClass, new Uint8Array(length))),
        };
      }
    }
    for (let infoClass = 0; infoClass <= 15; infoClass++) {
      for (const length of [0, 8, 65_536]) {
        yield {
          name: `query volume of ${what}, class ${infoClass}, ${length} bytes`,
          run: async (m) =>
            statusOf(m, queryInfoCall(m, await openBoth(m, what), InfoType.FILESYSTEM, infoClass, length)),
        };
      }
    }
    for (const infoType of [0, 3, 4, 5, 255]) {
      yield {
        name: `query ${what}, type ${infoType}`,
        run: async (m) => statusOf(m, queryInfoCall(m, await openBoth(m, what), infoType, 0)),
      };
    }
  }
}

function* otherProbes(): Generator<Probe> {
  for (const [name, code] of Object.entries(Fsctl)) {
    for (const what of ["file", "folder"]) {
      for (const length of [0, 16]) {
        // PIPE_WAIT waits, and a failed VALIDATE_NEGOTIATE_INFO must end the connection.
        if (code === Fsctl.VALIDATE_NEGOTIATE_INFO || code === Fsctl.PIPE_WAIT) continue;
        yield {
          name: `control ${name} on ${what}, ${length} zeros`,
          run: async (m) => statusOf(m, ioctlCall(m, code, new Uint8Array(length), await openBoth(m, what))),
        };
      }
    }
    if (code === Fsctl.VALIDATE_NEGOTIATE_INFO || code === Fsctl.PIPE_WAIT) continue;
    yield {
      name: `control ${name} on no file`,
      run: (m) => statusOf(m, ioctlCall(m, code, new Uint8Array(0), FILE_ID_ALL_ONES)),
    };
  }
  for (let infoClass = 0; infoClass <= 80; infoClass++) {
    yield {
      name: `list, class ${infoClass}`,
      run: async (m) => statusOf(m, queryDirectoryCall(m, await openBoth(m, "folder"), { infoClass })),
    };
  }
  for (const pattern of [
    "*",
    "",
    "?",
    "<.",
    "no such",
    "inside",
    "INSIDE",
    "in*",
    "a\\b",
    ":",
    "*.*",
    "<",
    ".",
  ]) {
    yield {
      name: `list, pattern "${pattern}"`,
      run: async (m) => statusOf(m, queryDirectoryCall(m, await openBoth(m, "folder"), { pattern })),
    };
  }
}

export function allProbes(): Probe[] {
  return [...createProbes(), ...bitProbes(), ...infoProbes(), ...otherProbes()];
}

function restore(path: string): void {
  for (const name of readdirSync(path)) rmSync(join(path, name), { recursive: true, force: true });
  mkdirSync(join(path, "folder"));
  for (const name of ["file", "folder/inside"]) {
    writeFileSync(join(path, name), "some bytes");
    chmodSync(join(path, name), 0o644);
  }
  for (const name of ["folder", "file", "folder/inside"]) chownSync(join(path, name), TESTER_UID, TESTER_UID);
}

/** Runs a probe on one server, after recreating the files. */
async function ask(server: TestServer, probe: Probe): Promise<string> {
  restore(server.shares.get("test") ?? "");
  const mount = await mountShare(server, TESTER, "test");
  try {
    return await probe.run(mount);
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  } finally {
    mount.client.close();
  }
}

if (import.meta.main) {
  const wanted = process.argv[2] ?? "";
  const ours = await startServer();
  const theirs = await startSmbd({ shares: [{ name: "test", parameters: SMBD_PARAMETERS }] });
  let differences = 0;
  const probes = allProbes().filter((probe) => probe.name.includes(wanted));
  for (const probe of probes) {
    const [mine, other] = [await ask(ours, probe), await ask(theirs, probe)];
    if (mine === other) continue;
    differences++;
    console.log(`${probe.name}\n    minismbd ${mine}\n    smbd     ${other}`);
  }
  console.log(`${differences} of ${probes.length} answers differ`);
  await ours.stop();
  await theirs.stop();
}
