// What a view shows of the server: loaded with the view, and again when the server says that it has changed.
import { useCallback, useEffect, useRef, useState } from "preact/hooks";
import { type Answer, ApiError, get } from "./api.ts";
import { followChanges, followReturns } from "./live.ts";
import type { ChangeKind } from "./model.ts";
import { t } from "./text.ts";

export interface Resource<T> {
  /** Undefined until it has arrived. */
  readonly answer: Answer<T> | undefined;
  /** Why the last attempt failed; what was loaded before stays. */
  readonly fault: string | undefined;
  /** Resolves to what arrived; undefined where it failed or another request has overtaken it. */
  readonly reload: () => Promise<Answer<T> | undefined>;
}

/** `kinds`: the changes after which it is loaded again. */
export function useResource<T>(path: string, kinds: readonly ChangeKind[]): Resource<T> {
  const [answer, setAnswer] = useState<Answer<T>>();
  const [fault, setFault] = useState<string>();
  // An answer that a later request has overtaken is dropped.
  const latest = useRef(0);
  const reload = useCallback(async () => {
    const turn = ++latest.current;
    try {
      const next = await get<T>(path);
      if (turn !== latest.current) return undefined;
      setAnswer(next);
      setFault(undefined);
      return next;
    } catch (error) {
      if (turn === latest.current) setFault(wordsOf(error));
      return undefined;
    }
  }, [path]);
  useEffect(() => {
    setAnswer(undefined);
    void reload();
    const ends = [
      followChanges((kind) => {
        if (kinds.includes(kind)) void reload();
      }),
      followReturns(() => void reload()),
    ];
    return () => {
      latest.current++;
      for (const end of ends) end();
    };
  }, [path]);
  return { answer, fault, reload };
}

/** Loads again with each new value, while somebody looks: a hidden page keeps no session alive. */
export function useRefresh(value: unknown, reload: () => Promise<unknown>): void {
  useEffect(() => {
    if (!document.hidden) void reload();
  }, [value]);
}

/** What to say of something that was thrown. */
export function wordsOf(error: unknown): string {
  if (error instanceof ApiError) return error.message;
  return t("fault.page");
}
