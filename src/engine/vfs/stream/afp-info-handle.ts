// The handle of AFP_AfpInfo, whose 60 bytes macOS and vfs_fruit(8) treat as one value: there is nothing to
// read or write in parts, and a stream without Finder information is not stored.
import { Errno } from "../../../linux/errno.ts";
import type { MaybePromise } from "../../../port/port.ts";
import { andThen } from "../../and-then.ts";
import { AFP_INFO_BYTES, isAfpInfo, isBlankAfpInfo, makeAfpInfo, withAfpHeader } from "../format/afp-info.ts";
import type { Count, Failure } from "../store.ts";
import type { TransferBuffer } from "../transfer-buffer.ts";
import { removeStream, writeStream } from "./stream-change.ts";
import { readStream } from "./stream-content.ts";
import { StreamHandle } from "./stream-handle.ts";

export class AfpInfoHandle extends StreamHandle {
  /** False: writes with another signature are stored with the right one (`fruit:validate_afpinfo`). */
  isStrict = true;

  /** The first write stores it. */
  override create(): 0 {
    return 0;
  }

  override read(
    buffer: TransferBuffer,
    at: number,
    length: number,
    offset: number,
  ): MaybePromise<Count | Failure> {
    const start = startOf(offset, length);
    if (start === undefined) return 0;
    return andThen(this.load(), (info) => {
      if (typeof info === "number") return info;
      const part = info.subarray(start, start + length);
      buffer.bytes.set(part, at);
      return part.length;
    });
  }

  /** -EINVAL for anything but one whole AfpInfo, as vfs_fruit(8). */
  override write(
    buffer: TransferBuffer,
    at: number,
    length: number,
    offset: number,
  ): MaybePromise<Count | Failure> {
    const data = buffer.bytes.slice(at, at + length);
    if (offset !== 0 || length !== AFP_INFO_BYTES) return -Errno.EINVAL;
    if (this.isStrict && !isAfpInfo(data)) return -Errno.EINVAL;
    const { values } = this.node;
    const stored = this.change<0>(length, (key) =>
      isBlankAfpInfo(data)
        ? andThen(removeStream(values, key), (result) => (result === -Errno.ENODATA ? 0 : result))
        : writeStream(values, key, withAfpHeader(data), this.form),
    );
    return andThen(stored, (failure) => (failure < 0 ? failure : length));
  }

  /** The size is fixed. -EMSGSIZE beyond it, as in vfs_fruit(8). */
  override truncate(size: number): 0 | Failure {
    return size > AFP_INFO_BYTES ? -Errno.EMSGSIZE : 0;
  }

  override allocate(size: number): 0 | Failure {
    return this.truncate(size);
  }

  override zeroRange(): Failure {
    return -Errno.EINVAL;
  }

  protected override measure(): Count {
    return AFP_INFO_BYTES;
  }

  private load(): MaybePromise<Uint8Array | Failure> {
    const { streamName, node, form } = this;
    const stored = streamName.run(() => readStream(node.values, streamName.key, form));
    return andThen(stored, (data) => {
      if (data === -Errno.ENODATA) return makeAfpInfo();
      return typeof data === "number" || data.length === AFP_INFO_BYTES ? data : makeAfpInfo();
    });
  }
}

/**
 * Where a read begins; undefined at the end. macOS and vfs_fruit(8) answer a read of a part within the first
 * 60 bytes, and at their end, from the start. A client that reads to the end asks for at least the whole.
 */
function startOf(offset: number, length: number): number | undefined {
  if (offset === 0 || (offset <= AFP_INFO_BYTES && length < AFP_INFO_BYTES)) return 0;
  return offset < AFP_INFO_BYTES ? offset : undefined;
}
