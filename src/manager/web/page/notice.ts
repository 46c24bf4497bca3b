// The one line that tells what has just happened; a screen reader reads it out.
import { Cell } from "./cell.ts";

export interface Notice {
  readonly kind: "done" | "fault";
  readonly text: string;
  /** Of performance.now(). */
  readonly at: number;
}

/** What was told this shortly before the view changed is about the change. */
const FRESH_MS = 1000;

export const notice = new Cell<Notice | undefined>(undefined);

export function tell(text: string): void {
  notice.set({ kind: "done", text, at: performance.now() });
}

export function tellFault(text: string): void {
  notice.set({ kind: "fault", text, at: performance.now() });
}

export function clearOldNotice(): void {
  if (notice.value !== undefined && performance.now() - notice.value.at > FRESH_MS) notice.set(undefined);
}
