// The raw client with the POSIX extensions, like the Linux client: POSIX contexts in NEGOTIATE and CREATE,
// level 100. "SMB3 POSIX Extensions" 2.2.3.1, 2.2.13.2; "POSIX Extensions to MS-FSCC" 2.3.
import { FileGeneric } from "../../../src/wire/security/access.ts";
import { decodeBufferResponse } from "../../../src/wire/command/buffer-response.ts";
import {
  CreateDisposition,
  CreateOption,
  type CreateRequest,
  type CreateResponse,
} from "../../../src/wire/command/create.ts";
import {
  decodeErrorResponse,
  decodeSymlinkError,
  type SymlinkError,
} from "../../../src/wire/command/error-response.ts";
import { EMPTY } from "../../../src/wire/cursor.ts";
import type { FileId } from "../../../src/wire/file-id.ts";
import {
  decodePosixEntries,
  decodePosixInformation,
  POSIX_EXTENSIONS_ID,
  POSIX_INFO_CLASS,
  type PosixEntry,
  type PosixInformation,
} from "../../../src/wire/posix.ts";
import { decodeQueryDirectoryResponse } from "../../../src/wire/command/query-directory.ts";
import { InfoType } from "../../../src/wire/command/query-info.ts";
import { Status } from "../../../src/wire/status.ts";
import type { TestServer } from "../../peer/test-server.ts";
import { mountTest } from "./attack-rig.ts";
import { contextsOf } from "./raw-calls.ts";
import { StatusError } from "./raw-client.ts";
import {
  closeFile,
  createCall,
  type Mount,
  openFile,
  queryDirectoryCall,
  queryInfoCall,
  writeFile,
} from "./raw-files.ts";
import type { RawSocket } from "./raw-socket.ts";

/** Mounts `test` after a NEGOTIATE with the POSIX extensions context. */
export function mountPosix(server: TestServer): Promise<Mount<RawSocket>> {
  return mountTest(server, {
    contexts: [...contextsOf({}), { kind: "posix", versions: POSIX_EXTENSIONS_ID }],
  });
}

/** CREATE options with a POSIX context. */
export function posixly(mode: number, options: Partial<CreateRequest> = {}): Partial<CreateRequest> {
  return { ...options, contexts: { ...options.contexts, posix: { mode } } };
}

export function openPosix(
  mount: Mount,
  name: string,
  options: Partial<CreateRequest> = {},
): Promise<CreateResponse> {
  return openFile(mount, name, posixly(0, options));
}

/** Creates a file that must not exist, writes `text` and closes it. Throws StatusError. */
export async function makeFile(mount: Mount, name: string, mode: number, text = ""): Promise<CreateResponse> {
  const made = await openFile(
    mount,
    name,
    posixly(mode, {
      desiredAccess: FileGeneric.ALL,
      createDisposition: CreateDisposition.CREATE,
      createOptions: CreateOption.NON_DIRECTORY_FILE,
    }),
  );
  const data = new TextEncoder().encode(text);
  if (data.length > 0) await writeFile(mount, made.fileId, 0, data);
  await closeFile(mount, made.fileId);
  return made;
}

export async function statPosix(mount: Mount, fileId: FileId): Promise<PosixInformation> {
  const call = queryInfoCall(mount, fileId, InfoType.FILE, POSIX_INFO_CLASS);
  const reply = await mount.client.demand("level 100", call);
  return decodePosixInformation(decodeBufferResponse(reply.message).buffer);
}

/** Opens without following a symlink, queries level 100 and closes. Throws StatusError. */
export async function lstat(mount: Mount, name: string): Promise<PosixInformation> {
  const { fileId } = await openPosix(mount, name, { createOptions: CreateOption.OPEN_REPARSE_POINT });
  const information = await statPosix(mount, fileId);
  await closeFile(mount, fileId);
  return information;
}

export async function listPosix(mount: Mount, fileId: FileId): Promise<PosixEntry[]> {
  const entries: PosixEntry[] = [];
  for (;;) {
    const call = queryDirectoryCall(mount, fileId, { infoClass: POSIX_INFO_CLASS, outputBufferLength: 4096 });
    const reply = await mount.client.request(call);
    if (reply.status === Status.NO_MORE_FILES) return entries;
    if (reply.status !== Status.SUCCESS) throw new StatusError("level 100 of a directory", reply.status);
    entries.push(...decodePosixEntries(decodeQueryDirectoryResponse(reply.message).buffer));
  }
}

/** Opens a symlink and returns its target from the STATUS_STOPPED_ON_SYMLINK error response. */
export async function targetOf(mount: Mount, name: string): Promise<SymlinkError> {
  const reply = await mount.client.request(createCall(mount, name, posixly(0)));
  if (reply.status !== Status.STOPPED_ON_SYMLINK) throw new StatusError(`CREATE ${name}`, reply.status);
  return decodeSymlinkError(decodeErrorResponse(reply.message).contexts[0]?.data ?? EMPTY);
}
