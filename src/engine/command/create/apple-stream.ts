// CREATE of a stream whose existence depends on its content: see vfs/stream/appearance.ts.
import { Errno } from "../../../linux/errno.ts";
import type { MaybePromise } from "../../../port/port.ts";
import { CreateDisposition } from "../../../wire/command/create.ts";
import { andThen } from "../../and-then.ts";
import type { Failure, FileNode } from "../../vfs/store.ts";
import { Appearance, appearanceOf } from "../../vfs/stream/appearance.ts";
import { AfpInfoHandle } from "../../vfs/stream/afp-info-handle.ts";
import { StreamHandle, type StreamName } from "../../vfs/stream/stream-handle.ts";
import { isAfpInfoName, isForkName, type StoredStream } from "../../vfs/stream/stored-stream.ts";
import { measureStream } from "../../vfs/stream/stream-content.ts";
import type { Creation } from "./creation.ts";

/** A stream as this CREATE sees it. */
export interface SeenStream {
  /** Undefined: no value stores it. */
  readonly stored: StoredStream | undefined;
  readonly exists: boolean;
  /** Has the form of AFP_AfpInfo, or gets it by the first write. */
  readonly isAfpInfo: boolean;
}

export function seeStream(
  creation: Creation,
  node: FileNode,
  name: string,
  stored: StoredStream | undefined,
): MaybePromise<SeenStream | Failure> {
  const isNamedAfpInfo = isAfpInfoName(name);
  if (stored === undefined) return { stored, exists: false, isAfpInfo: isNamedAfpInfo };
  const { isApple } = creation.tree.session;
  if (!isApple && !isNamedAfpInfo && !isForkName(name)) return { stored, exists: true, isAfpInfo: false };
  const measured = measureStream(node.values, stored.key, creation.tree.grant.streamForm);
  return andThen(measured, (stream): SeenStream | Failure => {
    if (stream === -Errno.ENODATA) return { stored, exists: false, isAfpInfo: isNamedAfpInfo };
    if (typeof stream === "number") return stream;
    const appearance = appearanceOf(name, stream.size, isApple);
    if (isNamedAfpInfo) {
      const isOrdinary = appearance === Appearance.ORDINARY;
      return { stored, exists: appearance !== Appearance.ABSENT, isAfpInfo: !isOrdinary };
    }
    const exists = appearance !== Appearance.ABSENT || !mustExist(creation.request.createDisposition);
    return { stored, exists, isAfpInfo: false };
  });
}

/** True for the dispositions whose answer says whether the stream exists. */
function mustExist(disposition: number): boolean {
  return (
    disposition === CreateDisposition.OPEN ||
    disposition === CreateDisposition.OVERWRITE ||
    disposition === CreateDisposition.CREATE
  );
}

export function makeHandle(
  creation: Creation,
  node: FileNode,
  name: StreamName,
  isAfpInfo: boolean,
  canWrite: boolean,
): StreamHandle {
  const { streamForm, apple } = creation.tree.grant;
  if (!isAfpInfo) return new StreamHandle(node, name, streamForm, canWrite, creation.isWriteThrough);
  const handle = new AfpInfoHandle(node, name, streamForm, canWrite, creation.isWriteThrough);
  handle.isStrict = apple.validatesAfpInfo;
  return handle;
}
