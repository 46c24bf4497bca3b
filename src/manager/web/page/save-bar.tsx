// The bar that stays in sight while something is edited and not saved.
import type { JSX } from "preact";
import { useEffect } from "preact/hooks";
import type { Editing } from "./editing.ts";
import { Button, useAction } from "./parts.tsx";
import { t } from "./text.ts";

interface SaveBarProps {
  readonly editing: Pick<Editing<unknown>, "edits" | "isEdited" | "differences" | "save" | "discard">;
  /** What to tell when it is saved. */
  readonly done: string;
}

export function SaveBar({ editing, done }: SaveBarProps): JSX.Element | null {
  const { isBusy, run } = useAction();
  const { isEdited, differences } = editing;
  useEffect(() => {
    if (!isEdited) return;
    const warn = (event: BeforeUnloadEvent): void => event.preventDefault();
    window.addEventListener("beforeunload", warn);
    return () => window.removeEventListener("beforeunload", warn);
  }, [isEdited]);
  if (!isEdited) return null;
  const save = async (): Promise<string> => {
    await editing.save();
    return done;
  };
  return (
    <section class="save-bar" aria-label={t("save.label")}>
      <span>{t("save.count", { count: Object.keys(editing.edits).length })}</span>
      <span class="actions">
        <Button onPress={editing.discard}>{t("save.discard")}</Button>
        <Button
          kind="primary"
          isBusy={isBusy}
          isDisabled={differences !== undefined}
          onPress={() => void run(save)}
        >
          {t("save")}
        </Button>
      </span>
    </section>
  );
}
