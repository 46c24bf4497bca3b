// CHANGE_NOTIFY with the raw client: sends requests, decodes the reported changes. [MS-SMB2] 2.2.35.
import { expect } from "bun:test";
import {
  ChangeNotifyFlag,
  CompletionFilter,
  decodeChangeNotifyResponse,
  encodeChangeNotifyRequest,
} from "../../../src/wire/command/change-notify.ts";
import type { FileId } from "../../../src/wire/file-id.ts";
import { decodeChanges, NotifyAction } from "../../../src/wire/fscc/notify.ts";
import { Command } from "../../../src/wire/header.ts";
import { statusName } from "../../../src/wire/status.ts";
import type { Call, Pending, Reply } from "./raw-calls.ts";
import { callOn, type Mount } from "./raw-files.ts";

export const NAMES: number = CompletionFilter.FILE_NAME | CompletionFilter.DIR_NAME;

export interface NotifyOptions {
  readonly recursive?: boolean;
  readonly filter?: number;
  readonly outputBytes?: number;
}

export function notifyCall(on: Mount, fileId: FileId, options: NotifyOptions = {}): Call {
  return callOn(on, Command.CHANGE_NOTIFY, (writer) =>
    encodeChangeNotifyRequest(writer, {
      flags: options.recursive === true ? ChangeNotifyFlag.WATCH_TREE : 0,
      outputBufferLength: options.outputBytes ?? 8192,
      fileId,
      completionFilter: options.filter ?? NAMES,
    }),
  );
}

const LETTERS: Record<number, string> = {
  [NotifyAction.ADDED]: "+",
  [NotifyAction.REMOVED]: "-",
  [NotifyAction.MODIFIED]: "~",
  [NotifyAction.RENAMED_OLD_NAME]: "<",
  [NotifyAction.RENAMED_NEW_NAME]: ">",
  [NotifyAction.ADDED_STREAM]: "s+",
  [NotifyAction.REMOVED_STREAM]: "s-",
  [NotifyAction.MODIFIED_STREAM]: "s~",
};

/** The changes in a reply, one line each: the action's sign followed by the name. */
export function linesOf(reply: Reply): string[] {
  expect(statusName(reply.status)).toBe("STATUS_SUCCESS");
  const { buffer } = decodeChangeNotifyResponse(reply.message);
  return decodeChanges(buffer).map(({ action, name }) => `${LETTERS[action]}${name}`);
}

/** Sends a CHANGE_NOTIFY and waits for its interim STATUS_PENDING. */
export async function startWaiting(on: Mount, fileId: FileId, options?: NotifyOptions): Promise<Pending> {
  const pending = on.client.start(notifyCall(on, fileId, options));
  const interim = await pending.interim;
  expect(statusName(interim.status)).toBe("STATUS_PENDING");
  return pending;
}

/** The name of a request's final status. */
export async function endOf(pending: Pending): Promise<string> {
  return statusName((await pending.reply).status);
}
