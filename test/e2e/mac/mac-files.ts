// What Finder and the frameworks of macOS do to files, as smbfs sends it: most of it in compounds of CREATE, one
// request and CLOSE; kernel/smbfs/smbfs_smb_2.c of Apple's published SMBClient sources.
import { Access } from "../../../src/wire/security/access.ts";
import { CreateDisposition, CreateOption, type CreateRequest } from "../../../src/wire/command/create.ts";
import { Writer } from "../../../src/wire/cursor.ts";
import { FILE_ID_ALL_ONES } from "../../../src/wire/file-id.ts";
import { encodeBasicChange } from "../../../src/wire/fscc/file-information.ts";
import { FileInfoClass } from "../../../src/wire/fscc/info-class.ts";
import { HeaderFlag } from "../../../src/wire/header.ts";
import { Status, statusName } from "../../../src/wire/status.ts";
import type { Call, Reply } from "../client/raw-calls.ts";
import { StatusError } from "../client/raw-client.ts";
import {
  closeCall,
  closeFile,
  createCall,
  createDirectory,
  deleteCall,
  listNames,
  type Mount,
  openFile,
  READ_WRITE,
  readFile,
  renameCall,
  setInfoCall,
  writeCall,
  writeFile,
} from "../client/raw-files.ts";

const CHANGING = Access.READ_ATTRIBUTES | Access.DELETE | Access.SYNCHRONIZE;

/** A string stands for its characters' low bytes, as in what `read` returns. */
function bytesOf(data: string | Uint8Array): Uint8Array {
  return typeof data === "string" ? new Uint8Array(Buffer.from(data, "latin1")) : data;
}

/** The statuses of a compound's replies, without their prefix. */
export function statusesOf(replies: readonly Reply[]): string[] {
  return replies.map(({ status }) => statusName(status).replace("STATUS_", ""));
}

export class MacFiles {
  readonly mount: Mount;

  constructor(mount: Mount) {
    this.mount = mount;
  }

  /** CREATE and the calls in one compound, without CLOSE. Returns all replies, whatever their statuses. */
  open(name: string, options: Partial<CreateRequest>, ...calls: Call[]): Promise<Reply[]> {
    const related = (call: Call): Call => ({ ...call, flags: HeaderFlag.RELATED_OPERATIONS });
    const create = createCall(this.mount, name, options);
    return Promise.all(this.mount.client.compound([create, ...calls.map(related)]));
  }

  /** CREATE, the calls and CLOSE in one compound. Returns all replies, whatever their statuses. */
  chain(name: string, options: Partial<CreateRequest>, ...calls: Call[]): Promise<Reply[]> {
    return this.open(name, options, ...calls, closeCall(this.mount, FILE_ID_ALL_ONES));
  }

  /** The same. Returns the replies of the calls. Throws StatusError. */
  async within(name: string, options: Partial<CreateRequest>, ...calls: Call[]): Promise<Reply[]> {
    const replies = await this.chain(name, options, ...calls);
    const failed = replies.find(({ status }) => status !== Status.SUCCESS);
    if (failed !== undefined) throw new StatusError(`compound for ${name}`, failed.status);
    return replies.slice(1, -1);
  }

  /** rename(2) to a name that does not exist, or that differs in case: macOS never asks for a replacement. */
  async rename(from: string, to: string, options: Partial<CreateRequest> = {}): Promise<void> {
    const call = renameCall(this.mount, FILE_ID_ALL_ONES, to, false);
    await this.within(from, { desiredAccess: CHANGING, ...options }, call);
  }

  /** rename(2) onto a file: removes that first. */
  async renameOnto(from: string, to: string): Promise<void> {
    await this.remove(to);
    await this.rename(from, to);
  }

  async remove(name: string): Promise<void> {
    await this.within(name, { desiredAccess: CHANGING }, deleteCall(this.mount, FILE_ID_ALL_ONES));
  }

  async makeFolder(name: string): Promise<void> {
    await closeFile(this.mount, await createDirectory(this.mount, name));
  }

  async write(name: string, text: string | Uint8Array): Promise<void> {
    const { mount } = this;
    const { fileId } = await openFile(mount, name, {
      desiredAccess: READ_WRITE,
      createDisposition: CreateDisposition.OVERWRITE_IF,
      createOptions: CreateOption.NON_DIRECTORY_FILE,
    });
    const data = bytesOf(text);
    if (data.length > 0) await writeFile(mount, fileId, 0, data);
    await closeFile(mount, fileId);
  }

  async read(name: string): Promise<string> {
    const { fileId } = await openFile(this.mount, name);
    const data = await readFile(this.mount, fileId, 0, 1_000_000);
    await closeFile(this.mount, fileId);
    return Buffer.from(data).toString("latin1");
  }

  /** setxattr(2): the stream is created or emptied, and written, in one compound. */
  async setAttribute(name: string, attribute: string, value: string | Uint8Array): Promise<void> {
    const options = {
      desiredAccess: Access.READ_ATTRIBUTES | Access.WRITE_DATA | Access.DELETE | Access.SYNCHRONIZE,
      createDisposition: CreateDisposition.OVERWRITE_IF,
      createOptions: CreateOption.NON_DIRECTORY_FILE,
    };
    const data = bytesOf(value);
    await this.within(`${name}:${attribute}`, options, writeCall(this.mount, FILE_ID_ALL_ONES, 0, data));
  }

  attributeOf(name: string, attribute: string): Promise<string> {
    return this.read(`${name}:${attribute}`);
  }

  /** utimes(2) and the time of creation, as copyfile(3) sets them on a copy. */
  async setTimes(name: string, seconds: number): Promise<void> {
    const time = { seconds, nanoseconds: 0 };
    const writer = new Writer(new Uint8Array(40));
    encodeBasicChange(writer, {
      birth: time,
      access: undefined,
      modify: time,
      change: undefined,
      attributes: 0,
    });
    const buffer = writer.bytes.slice(0, writer.position);
    const call = setInfoCall(this.mount, FILE_ID_ALL_ONES, FileInfoClass.BASIC, buffer);
    await this.within(name, { desiredAccess: Access.WRITE_ATTRIBUTES | Access.SYNCHRONIZE }, call);
  }

  list(folder: string): Promise<string[]> {
    return listNames(this.mount, folder, { desiredAccess: Access.READ_DATA | Access.SYNCHRONIZE });
  }
}
