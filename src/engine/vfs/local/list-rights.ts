// Whether the user may list a folder, for the changes below it that CHANGE_NOTIFY reports. The folder is
// asked after each change: a user never learns of a name that was made once the folder was closed to him.
import { Errno } from "../../../linux/errno.ts";
import type { MaybePromise } from "../../../port/port.ts";
import type { Failure } from "../store.ts";
import type { ShareDisk } from "./share-disk.ts";

/** Folders of a store that workers are asked about at a time. */
const MAX_FOLDERS = 256;

/** Undefined where the folder is not there to ask, or cannot be asked. */
type Answer = boolean | undefined;

/** What workers are asked about one folder: one question at a time, however many changes wait. */
interface Questions {
  readonly asked: Promise<Answer>;
  /** For the changes since `asked` began. */
  next: Promise<Answer> | undefined;
}

function toAnswer(result: 0 | Failure): Answer {
  if (result === 0) return true;
  return result === -Errno.EACCES || result === -Errno.EPERM ? false : undefined;
}

export class ListRights {
  private readonly disk: Pick<ShareDisk, "mayList" | "grant">;
  private readonly folders = new Map<string, Questions>();

  constructor(disk: Pick<ShareDisk, "mayList" | "grant">) {
    this.disk = disk;
  }

  /**
   * Asks about the folder at that on-disk path: on the event loop where its disk is healthy, else a worker.
   * Rejects where the worker fails.
   */
  ask(path: string): MaybePromise<Answer> {
    const questions = this.folders.get(path);
    if (questions === undefined) return this.folders.size < MAX_FOLDERS ? this.begin(path) : undefined;
    const begin = (): MaybePromise<Answer> => this.begin(path);
    questions.next ??= questions.asked.then(begin, begin);
    return questions.next;
  }

  private begin(path: string): MaybePromise<Answer> {
    const asked = this.askDisk(path);
    if (!(asked instanceof Promise)) {
      this.folders.delete(path);
      return asked;
    }
    const questions: Questions = { asked, next: undefined };
    this.folders.set(path, questions);
    const end = (): void => {
      if (questions.next === undefined) this.folders.delete(path);
    };
    void asked.then(end, end);
    return asked;
  }

  private askDisk(path: string): MaybePromise<Answer> {
    const { credentials } = this.disk.grant;
    const result = this.disk.mayList(path);
    if (typeof result === "number") return toAnswer(result);
    // A worker answers for the user of the time when it was asked.
    return result.then((answer) =>
      this.disk.grant.credentials === credentials ? toAnswer(answer) : undefined,
    );
  }
}
