// Copies a whole file with all that is stored with it: FSCTL_SRV_COPYCHUNK without chunks, by which Finder
// duplicates files on servers that have OSX_COPYFILE of Apple's extensions; smbfs_smb_2.c of Apple's
// published SMBClient sources, vfs_fruit(8).
import { Errno } from "../../../linux/errno.ts";
import { AppleCapability } from "../../../wire/context/apple-context.ts";
import { FileAttribute } from "../../../wire/fscc/attributes.ts";
import type { CopyChunk } from "../../../wire/fscc/copychunk.ts";
import { type NtStatus, Status } from "../../../wire/status.ts";
import type { Exchange } from "../../connection/exchange.ts";
import type { Open } from "../../state/open.ts";
import type { Session } from "../../state/session.ts";
import { changeUserAttributes, readUserAttributes } from "../../vfs/extended-attributes.ts";
import { Appearance, appearanceOf } from "../../vfs/stream/appearance.ts";
import { AfpInfoHandle } from "../../vfs/stream/afp-info-handle.ts";
import { listStreams, type StoredStream } from "../../vfs/stream/stored-stream.ts";
import { measureStream } from "../../vfs/stream/stream-content.ts";
import { StreamHandle, StreamName } from "../../vfs/stream/stream-handle.ts";
import { type Failure, type FileNode, MAX_FILE_OFFSET } from "../../vfs/store.ts";
import { statusOf } from "../errno-status.ts";
import { MORE, whileUsed, workInSteps } from "../open/long-work.ts";
import { noteModified } from "../open/modified.ts";
import { copyByBuffer, copyStretch, isLocked, Pace } from "./copy-stretch.ts";

/** READONLY would refuse what the client does next with the copy, and macOS sets it itself. */
const COPIED_ATTRIBUTES = FileAttribute.HIDDEN | FileAttribute.SYSTEM | FileAttribute.ARCHIVE;
/** Bytes of a stream that are copied before others have their turn. */
const STREAM_STEP_BYTES = 1_048_576;

export function copiesWholeFiles(session: Session): boolean {
  return (session.appleCapabilities & AppleCapability.OSX_COPYFILE) !== 0;
}

export interface FileCopy {
  readonly status: NtStatus;
  /** Of the file's data. */
  readonly bytes: number;
}

/**
 * Copies data, streams, extended attributes, attributes and times; the caller has checked the access of both
 * opens. The target keeps the rights that it was created with, as with smbd: macOS sets them itself. A copy
 * that fails leaves what it has written, for the client to delete.
 */
export async function copyFile(exchange: Exchange, source: Open, target: Open): Promise<FileCopy> {
  const copy = new WholeFile(exchange, source, target);
  const wasWritten = target.hasWritten;
  const copied = await whileUsed(source, () => workInSteps(exchange, () => copy.step(), source));
  if (copy.bytes > 0) await noteModified(exchange.context, target, !wasWritten);
  const status = copied === Status.SUCCESS ? await copy.copyFacts() : copied;
  return { status, bytes: copy.bytes };
}

/** A part of the work; true where there is more of it. */
type Part = () => Promise<NtStatus | typeof MORE>;

class WholeFile {
  bytes = 0;
  private readonly exchange: Exchange;
  private readonly source: Open;
  private readonly target: Open;
  private readonly pace = new Pace();
  private parts: Part[] = [() => this.begin()];

  constructor(exchange: Exchange, source: Open, target: Open) {
    this.exchange = exchange;
    this.source = source;
    this.target = target;
  }

  async step(): Promise<NtStatus | typeof MORE> {
    const [part] = this.parts;
    if (part === undefined) return Status.SUCCESS;
    if (this.source.isClosed || this.target.isClosed) return Status.FILE_CLOSED;
    const status = await part();
    if (status === MORE) return MORE;
    if (status !== Status.SUCCESS) return status;
    this.parts.shift();
    return MORE;
  }

  private async begin(): Promise<NtStatus> {
    const { source, target } = this;
    const from = await source.handle?.stat();
    const to = await target.handle?.stat();
    if (from === undefined || to === undefined) return Status.FILE_CLOSED;
    if (typeof from === "number") return statusOf(from);
    if (typeof to === "number") return statusOf(to);
    if (from.size > MAX_FILE_OFFSET) return Status.DISK_FULL;
    const most = Math.max(from.size, to.size);
    // Before anything is written, and again before each part: another client may lock it meanwhile.
    const whole = { sourceOffset: 0, targetOffset: 0, length: most };
    if (isLocked(source, target, whole)) return Status.FILE_LOCK_CONFLICT;
    // By another name, too: its streams would be emptied before they are read.
    if (source.file === target.file) {
      this.bytes = from.size;
      return Status.SUCCESS;
    }
    this.parts.push(() => this.copyData(from.size));
    if (to.size > from.size) this.parts.push(() => this.cut(from.size));
    // A stream's copy is its data alone.
    if (source.file?.base === undefined && target.file?.base === undefined)
      this.parts.push(() => this.findStreams());
    return Status.SUCCESS;
  }

  private async copyData(size: number): Promise<NtStatus | typeof MORE> {
    const length = Math.min(size - this.bytes, this.pace.stepBytes);
    if (length === 0) return Status.SUCCESS;
    const chunk: CopyChunk = { sourceOffset: this.bytes, targetOffset: this.bytes, length };
    if (isLocked(this.source, this.target, chunk)) return Status.FILE_LOCK_CONFLICT;
    const status = await copyStretch(this.exchange, this.source, this.target, chunk, this.pace);
    if (status !== Status.SUCCESS) return status;
    this.bytes += length;
    return MORE;
  }

  private async cut(size: number): Promise<NtStatus> {
    const result = await this.target.handle?.truncate(size);
    return result === undefined ? Status.FILE_CLOSED : statusOfResult(result);
  }

  private async findStreams(): Promise<NtStatus> {
    const { node } = this.source;
    const to = this.target.node;
    if (node === undefined || to === undefined) return Status.FILE_CLOSED;
    if (!this.source.tree.grant.streams) return Status.SUCCESS;
    const streams = await listStreams(node.values);
    if (typeof streams === "number") return statusOf(streams);
    for (const stream of streams) this.parts.push(this.partOfStream(node, to, stream));
    return Status.SUCCESS;
  }

  private partOfStream(from: FileNode, to: FileNode, { name, key }: StoredStream): Part {
    const { streamForm } = this.source.tree.grant;
    const targetForm = this.target.tree.grant.streamForm;
    let done = -1;
    return async () => {
      const measured = await measureStream(from.values, key, streamForm);
      // Removed meanwhile.
      if (measured === -Errno.ENODATA) return Status.SUCCESS;
      if (typeof measured === "number") return statusOf(measured);
      const { size } = measured;
      const isAfpInfo = appearanceOf(name, size, true) === Appearance.AFP_INFO;
      const Handle = isAfpInfo ? AfpInfoHandle : StreamHandle;
      const reads = new Handle(from, new StreamName(name, key), streamForm, false, false);
      const writes = new Handle(to, new StreamName(name, key), targetForm, true, false);
      if (writes instanceof AfpInfoHandle) writes.isStrict = false;
      if (done < 0) {
        const made = await writes.create();
        if (made < 0 && made !== -Errno.EEXIST) return statusOf(made);
        const cut = made === -Errno.EEXIST ? await writes.truncate(isAfpInfo ? size : 0) : 0;
        if (cut < 0) return statusOf(cut);
        done = 0;
      }
      const length = Math.min(size - done, STREAM_STEP_BYTES);
      if (length <= 0) return Status.SUCCESS;
      const chunk = { sourceOffset: done, targetOffset: done, length };
      const status = await copyByBuffer(this.exchange, reads, this.target, writes, chunk);
      done += length;
      return status === Status.SUCCESS && done < size ? MORE : status;
    };
  }

  /** Extended attributes, attributes and times, which later changes would change again. */
  async copyFacts(): Promise<NtStatus> {
    const { source, target } = this;
    const from = source.node;
    const to = target.node;
    if (from === undefined || to === undefined || source.isClosed || target.isClosed)
      return Status.FILE_CLOSED;
    if (source.file?.base !== undefined || target.file?.base !== undefined) return Status.SUCCESS;
    if (source.tree.grant.eaSupport && target.tree.grant.eaSupport) {
      const attributes = await readUserAttributes(from.values);
      if (typeof attributes === "number") return statusOf(attributes);
      const set = attributes.length === 0 ? 0 : await changeUserAttributes(to.values, attributes);
      if (set < 0) return statusOf(set);
    }
    const stat = await from.refresh();
    const present = await to.refresh();
    if (typeof stat === "number" || typeof present === "number") return Status.FILE_CLOSED;
    const kept = present.attributes & ~COPIED_ATTRIBUTES;
    const stored = await to.setAttributes(kept | (stat.attributes & COPIED_ATTRIBUTES));
    if (!mayBeMissing(stored)) return statusOf(stored);
    const times = await to.setTimes({
      modify: { seconds: stat.modifySeconds, nanoseconds: stat.modifyNanoseconds },
      birth: { seconds: stat.birthSeconds, nanoseconds: stat.birthNanoseconds },
    });
    return mayBeMissing(times) ? Status.SUCCESS : statusOf(times);
  }
}

/** Disks need not store attributes and times, nor may every user set them. */
function mayBeMissing(result: 0 | Failure): result is 0 {
  return result === 0 || result === -Errno.EOPNOTSUPP || result === -Errno.EPERM || result === -Errno.EACCES;
}

function statusOfResult(result: 0 | Failure): NtStatus {
  return result < 0 ? statusOf(result) : Status.SUCCESS;
}
