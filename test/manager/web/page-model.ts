// The page's own types of the API's answers, which the compiler holds against the server's: the page and the server do
// not import each other.
import type { PathCheck as ServerPathCheck } from "../../../src/manager/administration/check-path.ts";
import type {
  ShareDetail as ServerShareDetail,
  ShareView,
} from "../../../src/manager/administration/view-types.ts";
import type { ParameterView } from "../../../src/manager/administration/views.ts";
import type { DiskItem } from "../../../src/manager/control/disks.ts";
import type { EjectItem } from "../../../src/manager/control/eject.ts";
import type { LogLine as ServerLogLine } from "../../../src/manager/control/log-ring.ts";
import type { ServerStatus } from "../../../src/manager/control/operations/tables.ts";
import type { TokenItem } from "../../../src/manager/control/operations/tokens.ts";
import type { UserItem } from "../../../src/manager/control/operations/users.ts";
import type { WebSession } from "../../../src/manager/control/operations/web.ts";
import type { ConnectionRow, OpenRow, SessionRow } from "../../../src/port/control.ts";
import type * as page from "../../../src/manager/web/page/model.ts";

/** Does not compile where the server's answer lacks something that the page reads, or has it in another form. */
type Read<As, Answer extends As> = Answer;

export type Answers = [
  Read<page.SessionAnswer, WebSession>,
  Read<page.Status, ServerStatus>,
  Read<page.Connection, ConnectionRow>,
  Read<page.Session, SessionRow>,
  Read<page.Open, OpenRow>,
  Read<page.Disk, DiskItem>,
  Read<page.EjectAnswer, EjectItem>,
  Read<page.Share, ShareView>,
  Read<page.ShareDetail, ServerShareDetail>,
  Read<page.Parameter, ParameterView>,
  Read<page.PathCheck, ServerPathCheck>,
  Read<page.User, UserItem>,
  Read<page.LogLine, ServerLogLine>,
  Read<page.Token, TokenItem>,
];
