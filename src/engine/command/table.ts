// The dispatch table: one row a command; [MS-SMB2] 3.3.5.2 and 3.3.5.4 to 3.3.5.22.
import { ChangeNotifyRequestOffset } from "../../wire/change-notify.ts";
import { CloseRequestOffset } from "../../wire/close.ts";
import { FlushRequestOffset } from "../../wire/flush.ts";
import { Command } from "../../wire/header.ts";
import { IoctlRequestOffset } from "../../wire/ioctl.ts";
import { LockRequestOffset } from "../../wire/lock.ts";
import { QueryDirectoryRequestOffset } from "../../wire/query-directory.ts";
import { QueryInfoRequestOffset } from "../../wire/query-info.ts";
import { ReadRequestOffset } from "../../wire/read.ts";
import { SetInfoRequestOffset } from "../../wire/set-info.ts";
import { Status } from "../../wire/status.ts";
import { WriteRequestOffset } from "../../wire/write.ts";
import type { Row } from "../connection/row.ts";
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

// FileIds of IOCTL may be all ones for calls that concern the server itself: its handler looks the open up.
const NO_FILE_ID = 0;

function row(
  name: string,
  bodySize: number,
  needs: "nothing" | "session" | "tree",
  fileIdOffset: number,
  mayChangeData: boolean,
  handle: Row["handle"],
): Row {
  const needsTree = needs === "tree";
  const needsSession = needsTree || needs === "session";
  return Object.freeze({ name, bodySize, needsSession, needsTree, fileIdOffset, mayChangeData, handle });
}

function refuse(status: number): Row["handle"] {
  return () => status;
}

function buildRows(): (Row | undefined)[] {
  const rows: (Row | undefined)[] = [];
  rows[Command.NEGOTIATE] = row("NEGOTIATE", 36, "nothing", NO_FILE_ID, false, handleNegotiate);
  rows[Command.SESSION_SETUP] = row("SESSION_SETUP", 25, "nothing", NO_FILE_ID, false, handleSessionSetup);
  rows[Command.LOGOFF] = row("LOGOFF", 4, "session", NO_FILE_ID, false, handleLogoff);
  rows[Command.TREE_CONNECT] = row("TREE_CONNECT", 9, "session", NO_FILE_ID, false, handleTreeConnect);
  rows[Command.TREE_DISCONNECT] = row("TREE_DISCONNECT", 4, "tree", NO_FILE_ID, false, handleTreeDisconnect);
  rows[Command.CREATE] = row("CREATE", 57, "tree", NO_FILE_ID, false, handleCreate);
  rows[Command.CLOSE] = row("CLOSE", 24, "tree", CloseRequestOffset.FILE_ID, false, handleClose);
  rows[Command.FLUSH] = row("FLUSH", 24, "tree", FlushRequestOffset.FILE_ID, false, handleFlush);
  rows[Command.READ] = row("READ", 49, "tree", ReadRequestOffset.FILE_ID, false, handleRead);
  rows[Command.WRITE] = row("WRITE", 49, "tree", WriteRequestOffset.FILE_ID, true, handleWrite);
  const notSupported = refuse(Status.NOT_SUPPORTED);
  rows[Command.LOCK] = row("LOCK", 48, "tree", LockRequestOffset.FILE_ID, false, handleLock);
  rows[Command.IOCTL] = row("IOCTL", 57, "tree", NO_FILE_ID, true, handleIoctl);
  rows[Command.ECHO] = row("ECHO", 4, "nothing", NO_FILE_ID, false, handleEcho);
  rows[Command.QUERY_DIRECTORY] = row(
    "QUERY_DIRECTORY",
    33,
    "tree",
    QueryDirectoryRequestOffset.FILE_ID,
    false,
    handleQueryDirectory,
  );
  rows[Command.CHANGE_NOTIFY] = row(
    "CHANGE_NOTIFY",
    32,
    "tree",
    ChangeNotifyRequestOffset.FILE_ID,
    false,
    handleChangeNotify,
  );
  rows[Command.QUERY_INFO] = row(
    "QUERY_INFO",
    41,
    "tree",
    QueryInfoRequestOffset.FILE_ID,
    false,
    handleQueryInfo,
  );
  rows[Command.SET_INFO] = row("SET_INFO", 33, "tree", SetInfoRequestOffset.FILE_ID, true, handleSetInfo);
  // Two structures, one with a FileId: the handler looks.
  rows[Command.OPLOCK_BREAK] = row("OPLOCK_BREAK", 0, "tree", NO_FILE_ID, false, handleOplockBreak);
  return rows;
}

/** Indexed by command; CANCEL has no row, for it is never answered. */
export const ROWS: readonly (Row | undefined)[] = buildRows();
