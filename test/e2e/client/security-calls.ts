// Security descriptors with the raw client: queried, set and converted to text. [MS-SMB2] 2.2.37, 2.2.39.
import { FileGeneric } from "../../../src/wire/security/access.ts";
import { decodeBufferResponse } from "../../../src/wire/command/buffer-response.ts";
import { CreateDisposition, CreateOption, type CreateRequest } from "../../../src/wire/command/create.ts";
import { EMPTY, Writer } from "../../../src/wire/cursor.ts";
import type { FileId } from "../../../src/wire/file-id.ts";
import { Command } from "../../../src/wire/header.ts";
import {
  encodeQueryInfoRequest,
  InfoType,
  SecurityInformation,
} from "../../../src/wire/command/query-info.ts";
import { type Ace, AceType, simpleAce } from "../../../src/wire/security/acl.ts";
import {
  decodeSecurityDescriptor,
  encodeSecurityDescriptor,
  type SecurityDescriptor,
} from "../../../src/wire/security/security-descriptor.ts";
import { formatSid, parseSid } from "../../../src/wire/security/sid.ts";
import { encodeSetInfoRequest } from "../../../src/wire/command/set-info.ts";
import { type Call } from "./raw-calls.ts";
import { callOn, chargeFor, closeFile, type Mount, openFile } from "./raw-files.ts";

export const OWNER_GROUP_DACL: number =
  SecurityInformation.OWNER | SecurityInformation.GROUP | SecurityInformation.DACL;

export function querySecurityCall(
  mount: Mount,
  fileId: FileId,
  parts: number = OWNER_GROUP_DACL,
  room = 65_536,
): Call {
  return {
    ...callOn(mount, Command.QUERY_INFO, (writer) =>
      encodeQueryInfoRequest(writer, {
        infoType: InfoType.SECURITY,
        infoClass: 0,
        outputBufferLength: room,
        additionalInformation: parts,
        flags: 0,
        fileId,
        inputBuffer: EMPTY,
      }),
    ),
    creditCharge: chargeFor(mount, room),
  };
}

export function setSecurityCall(mount: Mount, fileId: FileId, buffer: Uint8Array, parts: number): Call {
  return {
    ...callOn(mount, Command.SET_INFO, (writer) =>
      encodeSetInfoRequest(writer, {
        infoType: InfoType.SECURITY,
        infoClass: 0,
        additionalInformation: parts,
        fileId,
        buffer,
      }),
    ),
    creditCharge: chargeFor(mount, buffer.length),
  };
}

export function encodeDescriptor(descriptor: SecurityDescriptor): Uint8Array {
  const writer = new Writer(new Uint8Array(140_000));
  encodeSecurityDescriptor(writer, descriptor);
  return writer.bytes.slice(0, writer.position);
}

/** An ACE as text: `A` (allowed) or `D` (denied), flags, access mask, SID. */
export type AceText = readonly [kind: "A" | "D", flags: number, mask: number, sid: string];

export interface DescriptorText {
  readonly control?: number;
  readonly owner?: string;
  readonly group?: string;
  /** Null: DACL present but NULL; absent: no DACL. */
  readonly aces?: readonly AceText[] | null;
}

export function descriptorOf(text: DescriptorText): SecurityDescriptor {
  const list = (aces: readonly AceText[]): Ace[] =>
    aces.map(([kind, flags, mask, sid]) =>
      simpleAce(kind === "A" ? AceType.ACCESS_ALLOWED : AceType.ACCESS_DENIED, flags, mask, parseSid(sid)),
    );
  return {
    control: text.control ?? 0,
    owner: text.owner === undefined ? undefined : parseSid(text.owner),
    group: text.group === undefined ? undefined : parseSid(text.group),
    dacl: text.aces && { revision: 2, aces: list(text.aces) },
    sacl: undefined,
  };
}

export function textOf(descriptor: SecurityDescriptor): DescriptorText {
  const { owner, group, dacl } = descriptor;
  return {
    control: descriptor.control,
    ...(owner && { owner: formatSid(owner) }),
    ...(group && { group: formatSid(group) }),
    ...(dacl !== undefined && {
      aces:
        dacl &&
        dacl.aces.map(({ type, flags, mask, sid }): AceText => [
          type === AceType.ACCESS_ALLOWED ? "A" : "D",
          flags,
          mask,
          formatSid(sid),
        ]),
    }),
  };
}

/** Queries the parts of a security descriptor. Throws StatusError. */
export async function readSecurity(
  mount: Mount,
  fileId: FileId,
  parts: number = OWNER_GROUP_DACL,
): Promise<DescriptorText> {
  const reply = await mount.client.demand("QUERY security", querySecurityCall(mount, fileId, parts));
  return textOf(decodeSecurityDescriptor(decodeBufferResponse(reply.message).buffer));
}

export async function setSecurity(
  mount: Mount,
  fileId: FileId,
  text: DescriptorText,
  parts: number,
): Promise<number> {
  const call = setSecurityCall(mount, fileId, encodeDescriptor(descriptorOf(text)), parts);
  return (await mount.client.request(call)).status;
}

/** Opens or creates with all rights but ACCESS_SYSTEM_SECURITY. Throws StatusError. */
export async function openAll(
  mount: Mount,
  name: string,
  options: Partial<CreateRequest> = {},
): Promise<FileId> {
  const opened = await openFile(mount, name, {
    desiredAccess: FileGeneric.ALL,
    createDisposition: CreateDisposition.OPEN_IF,
    ...options,
  });
  return opened.fileId;
}

export function makeDirectoryAll(mount: Mount, name: string): Promise<FileId> {
  return openAll(mount, name, { createOptions: CreateOption.DIRECTORY_FILE });
}

/** Opens a name, reads its security descriptor and closes it. Throws StatusError. */
export async function securityOf(mount: Mount, name: string, parts?: number): Promise<DescriptorText> {
  const opened = await openFile(mount, name, { desiredAccess: FileGeneric.READ });
  const text = await readSecurity(mount, opened.fileId, parts);
  await closeFile(mount, opened.fileId);
  return text;
}
