// Parameters that are being edited, while another person or program may change the same files: nothing is
// overwritten unseen.
import { useEffect, useState } from "preact/hooks";
import { type Answer, ApiError, ask } from "./api.ts";
import type { Parameter } from "./model.ts";
import { type Resource, useResource } from "./resource.ts";

/** New values by parameter; null removes it from the file. */
export type Edits = Readonly<Record<string, string | null>>;

export interface Difference {
  readonly name: string;
  readonly was: string;
  readonly is: string;
  /** What this page's visitor wants it to be. */
  readonly mine: string | undefined;
}

export interface Editing<T> {
  /** What the edits started from. */
  readonly base: Answer<T> | undefined;
  readonly fault: string | undefined;
  readonly edits: Edits;
  readonly isEdited: boolean;
  /** What changed at the server since; undefined where the base is the newest. */
  readonly differences: readonly Difference[] | undefined;
  readonly edit: (name: string, value: string | null) => void;
  readonly save: () => Promise<void>;
  /** Drops the edits and shows the newest. */
  readonly discard: () => void;
  /** Keeps the edits, now upon the newest. */
  readonly keep: () => void;
  /** After this page has changed the files elsewhere: the newest is what the edits stand on. */
  readonly follow: () => Promise<void>;
}

type ParametersOf<T> = (value: T) => readonly Parameter[];

export interface EditingPlan<T> {
  readonly path: string;
  readonly parametersOf: ParametersOf<T>;
  /** The request that saves. */
  readonly method: "PUT" | "PATCH";
  readonly bodyOf: (edits: Edits) => object;
}

export function useEditing<T>({ path, parametersOf, method, bodyOf }: EditingPlan<T>): Editing<T> {
  const newest: Resource<T> = useResource<T>(path, ["configuration", "users", "disks"]);
  const [base, setBase] = useState<Answer<T>>();
  const [edits, setEdits] = useState<Edits>({});
  // What this page has changed itself is no change by others, though its event may come first.
  const [isSaving, setSaving] = useState(false);
  const isEdited = Object.keys(edits).length > 0;
  useEffect(() => {
    // Without edits the page simply follows; so it does where other sections of the files changed.
    const next = newest.answer;
    if (next === undefined) return;
    const isSame = base !== undefined && differencesOf(base.value, next.value, parametersOf, {}).length === 0;
    if (!isEdited || isSame) setBase(next);
  }, [newest.answer, isEdited]);
  const hasNewer =
    isEdited && !isSaving && base !== undefined && newest.answer !== undefined && newest.answer !== base;
  const edit = (name: string, value: string | null): void => {
    const current = base && parametersOf(base.value).find((one) => one.name === name);
    const isAsBefore = value === null ? current?.isSet === false : value === current?.value;
    const { [name]: _, ...others } = edits;
    setEdits(isAsBefore === true ? others : { ...others, [name]: value });
  };
  const save = async (): Promise<void> => {
    if (base === undefined) return;
    setSaving(true);
    try {
      await ask(method, path, bodyOf(edits), base.etag);
      const next = await newest.reload();
      if (next !== undefined) setBase(next);
      // What was edited meanwhile stays.
      setEdits((now) =>
        Object.fromEntries(Object.entries(now).filter(([name]) => now[name] !== edits[name])),
      );
    } catch (error) {
      if (error instanceof ApiError && error.isChangedMeanwhile) await newest.reload();
      throw error;
    } finally {
      setSaving(false);
    }
  };
  return {
    base,
    fault: newest.fault,
    edits,
    isEdited,
    differences:
      hasNewer && base !== undefined && newest.answer !== undefined
        ? differencesOf(base.value, newest.answer.value, parametersOf, edits)
        : undefined,
    edit,
    save,
    discard: () => {
      setEdits({});
      setBase(newest.answer);
    },
    keep: () => setBase(newest.answer),
    follow: async () => {
      const next = await newest.reload();
      if (next !== undefined) setBase(next);
    },
  };
}

/** Between the parameters of two answers. */
function differencesOf<T>(from: T, to: T, parametersOf: ParametersOf<T>, edits: Edits): Difference[] {
  const valuesOf = (value: T): Map<string, string> =>
    new Map(parametersOf(value).map((one) => [one.name, one.value]));
  const [old, now] = [valuesOf(from), valuesOf(to)];
  return [...new Set([...old.keys(), ...now.keys()])].flatMap((name) => {
    const [was, is] = [old.get(name) ?? "", now.get(name) ?? ""];
    return was === is ? [] : [{ name, was, is, mine: edits[name] ?? undefined }];
  });
}
