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
  /** Resolves to what arrived, by this request or one that has overtaken it; undefined where that failed. */
  readonly reload: () => Promise<Answer<T> | undefined>;
}

/** `kinds`: the changes after which it is loaded again. */
export function useResource<T>(path: string, kinds: readonly ChangeKind[]): Resource<T> {
  const [answer, setAnswer] = useState<Answer<T>>();
  const [fault, setFault] = useState<string>();
  // Of the last request; an answer that it has overtaken is dropped.
  const latest = useRef<Promise<Answer<T> | undefined>>(undefined);
  const reload = useCallback((): Promise<Answer<T> | undefined> => {
    const load = async (): Promise<Answer<T> | undefined> => {
      const [next, why] = await get<T>(path).then(
        (value) => [value, undefined] as const,
        (error: unknown) => [undefined, wordsOf(error)] as const,
      );
      if (latest.current !== own) return latest.current;
      if (next !== undefined) setAnswer(next);
      setFault(why);
      return next;
    };
    const own = load();
    latest.current = own;
    return own;
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
      latest.current = undefined;
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
