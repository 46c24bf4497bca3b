// Checks a path while it is typed.
import { useEffect, useState } from "preact/hooks";
import { ask } from "./api.ts";
import type { PathCheck } from "./model.ts";
import { sentence, t } from "./text.ts";

/** After the last key. */
const QUIET_MS = 350;

export interface PathWords {
  readonly hint: string | undefined;
  readonly fault: string | undefined;
}

const NOTHING: PathWords = { hint: undefined, fault: undefined };

export function usePathCheck(path: string): PathWords {
  const [words, setWords] = useState<PathWords>(NOTHING);
  useEffect(() => {
    setWords(NOTHING);
    if (path === "") return;
    let isOld = false;
    const timer = setTimeout(() => {
      ask<PathCheck>("POST", "check-path", { path }).then(
        ({ value }) => {
          if (!isOld) setWords(wordsFor(value));
        },
        // Saving says what is wrong.
        () => {},
      );
    }, QUIET_MS);
    return () => {
      isOld = true;
      clearTimeout(timer);
    };
  }, [path]);
  return words;
}

function wordsFor({ exists, isDirectory, fileSystem, ownerName, message }: PathCheck): PathWords {
  if (!exists || !isDirectory) return { hint: undefined, fault: sentence(message) || t("path.missing") };
  return { hint: sentence(message) || t("path.fine", { fileSystem, owner: ownerName }), fault: undefined };
}
