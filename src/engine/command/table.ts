// The dispatch table, one row per command; [MS-SMB2] 3.3.5.2 and 3.3.5.4 to 3.3.5.22.
import { ChangeNotifyRequestOffset } from "../../wire/command/change-notify.ts";
import { CloseRequestOffset } from "../../wire/command/close.ts";
import { FlushRequestOffset } from "../../wire/command/flush.ts";
import { Command } from "../../wire/header.ts";
import { LockRequestOffset } from "../../wire/command/lock.ts";
import { QueryDirectoryRequestOffset } from "../../wire/command/query-directory.ts";
import { QueryInfoRequestOffset } from "../../wire/command/query-info.ts";
import { ReadRequestOffset } from "../../wire/command/read.ts";
import { SetInfoRequestOffset } from "../../wire/command/set-info.ts";
import { WriteRequestOffset } from "../../wire/command/write.ts";
import type { OpenHandler, Row, ServerHandler, SessionHandler, TreeHandler } from "../connection/exchange.ts";
import { handleChangeNotify } from "./notify/change-notify.ts";
import { handleClose } from "./close/close.ts";
import { handleCreate } from "./create/create.ts";
import { handleIoctl } from "./ioctl/ioctl.ts";
import { handleLock } from "./lock/lock.ts";
import { handleNegotiate } from "./session/negotiate.ts";
import { handleOplockBreak } from "./notify/oplock-break.ts";
import { handleQueryDirectory } from "./query/query-directory.ts";
import { handleQueryInfo } from "./query/query-info.ts";
import { handleRead } from "./data/read.ts";
import { handleSessionSetup } from "./session/session-setup.ts";
import { handleSetInfo } from "./set/set-info.ts";
import { handleEcho } from "./echo.ts";
import { handleTreeConnect, handleTreeDisconnect } from "./session/tree-connect.ts";
import { handleWrite } from "./data/write.ts";
import { handleLogoff } from "./session/logoff.ts";
import { handleFlush } from "./data/flush.ts";

function onServer(name: string, bodySize: number, handle: ServerHandler): Row {
  return { name, bodySize, mayChangeData: false, needs: "nothing", handle };
}

function inSession(name: string, bodySize: number, handle: SessionHandler): Row {
  return { name, bodySize, mayChangeData: false, needs: "session", handle };
}

function onTree(name: string, bodySize: number, handle: TreeHandler, mayChangeData = false): Row {
  return { name, bodySize, mayChangeData, needs: "tree", handle };
}

function onOpen(
  name: string,
  bodySize: number,
  fileIdOffset: number,
  handle: OpenHandler,
  mayChangeData = false,
): Row {
  return { name, bodySize, mayChangeData, needs: "open", fileIdOffset, handle };
}

const rowsByCommand: ReadonlyMap<number, Row> = new Map<number, Row>([
  [Command.NEGOTIATE, onServer("NEGOTIATE", 36, handleNegotiate)],
  [Command.SESSION_SETUP, onServer("SESSION_SETUP", 25, handleSessionSetup)],
  [Command.LOGOFF, inSession("LOGOFF", 4, handleLogoff)],
  [Command.TREE_CONNECT, inSession("TREE_CONNECT", 9, handleTreeConnect)],
  [Command.TREE_DISCONNECT, onTree("TREE_DISCONNECT", 4, handleTreeDisconnect)],
  [Command.CREATE, onTree("CREATE", 57, handleCreate)],
  [Command.CLOSE, onOpen("CLOSE", 24, CloseRequestOffset.FILE_ID, handleClose)],
  [Command.FLUSH, onOpen("FLUSH", 24, FlushRequestOffset.FILE_ID, handleFlush)],
  [Command.READ, onOpen("READ", 49, ReadRequestOffset.FILE_ID, handleRead)],
  [Command.WRITE, onOpen("WRITE", 49, WriteRequestOffset.FILE_ID, handleWrite, true)],
  [Command.LOCK, onOpen("LOCK", 48, LockRequestOffset.FILE_ID, handleLock)],
  // IOCTLs on the server itself have a FileId of all ones: the handler looks up the open.
  [Command.IOCTL, onTree("IOCTL", 57, handleIoctl, true)],
  [Command.ECHO, onServer("ECHO", 4, handleEcho)],
  [
    Command.QUERY_DIRECTORY,
    onOpen("QUERY_DIRECTORY", 33, QueryDirectoryRequestOffset.FILE_ID, handleQueryDirectory),
  ],
  [Command.CHANGE_NOTIFY, onOpen("CHANGE_NOTIFY", 32, ChangeNotifyRequestOffset.FILE_ID, handleChangeNotify)],
  [Command.QUERY_INFO, onOpen("QUERY_INFO", 41, QueryInfoRequestOffset.FILE_ID, handleQueryInfo)],
  [Command.SET_INFO, onOpen("SET_INFO", 33, SetInfoRequestOffset.FILE_ID, handleSetInfo, true)],
  // Oplock and lease acknowledgments differ in structure and only one has a FileId: the handler tells them
  // apart.
  [Command.OPLOCK_BREAK, onTree("OPLOCK_BREAK", 0, handleOplockBreak)],
]);

/** Indexed by command; CANCEL has no row, because it is never answered. */
export const ROWS: readonly (Row | undefined)[] = Array.from(
  { length: Command.OPLOCK_BREAK + 1 },
  (_, command) => rowsByCommand.get(command),
);
