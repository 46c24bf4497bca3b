// The client of the control socket, for the commands.
import { lstatSync } from "node:fs";
import { connect } from "node:net";
import { ControlError, type ErrorCode, PROTOCOL_VERSION } from "./protocol.ts";

const TIMEOUT_MS = 30_000;

type Answer =
  | { readonly item: unknown }
  | { readonly end: "ok" }
  | { readonly end: "error"; readonly message: string; readonly code?: ErrorCode };

/**
 * Sends one command and passes each item of the answer to `take`. Throws ControlError where no server
 * answers, the socket is another user's, or the server refuses.
 */
export async function ask(
  path: string,
  command: string,
  take: (item: unknown) => void = () => undefined,
  args: Readonly<Record<string, unknown>> = {},
): Promise<void> {
  checkOwner(path);
  const socket = connect(path);
  socket.setTimeout(TIMEOUT_MS, () => socket.destroy(new Error("no answer")));
  socket.write(`${JSON.stringify({ ...args, version: PROTOCOL_VERSION, command })}\n`);
  let text = "";
  try {
    for await (const chunk of socket.setEncoding("utf8")) {
      text += chunk as string;
      const lines = text.split("\n");
      text = lines.pop() ?? "";
      for (const line of lines) {
        const answer = JSON.parse(line) as Answer;
        if ("item" in answer) take(answer.item);
        else if (answer.end === "ok") return;
        else throw new ControlError(answer.message, answer.code);
      }
    }
  } catch (error) {
    if (error instanceof ControlError) throw error;
    const { code, message } = error as NodeJS.ErrnoException;
    throw new ControlError(
      code === "ECONNREFUSED" || code === "ENOENT"
        ? `${path}: no server answers, start it first`
        : `${path}: ${code ?? message}`,
    );
  } finally {
    socket.destroy();
  }
  throw new ControlError(`${path}: the server ended the connection`);
}

/** Collects the items of an answer. */
export async function askAll<T>(
  path: string,
  command: string,
  args: Readonly<Record<string, unknown>> = {},
): Promise<T[]> {
  const items: T[] = [];
  await ask(path, command, (item) => items.push(item as T), args);
  return items;
}

/** In a directory that everybody may write to (/tmp on OpenWrt) the socket may be anybody's. */
function checkOwner(path: string): void {
  const found = lstatSync(path, { throwIfNoEntry: false });
  if (found === undefined) throw new ControlError(`${path}: no server answers, start it first`);
  const own = process.geteuid?.() ?? 0;
  if (!found.isSocket() || (found.uid !== 0 && found.uid !== own))
    throw new ControlError(`${path}: is no control socket of this user or root`);
}
