// Shown while somebody else has changed what is being edited here.
import type { JSX } from "preact";
import type { Difference } from "./editing.ts";
import { Button } from "./parts.tsx";
import { t } from "./text.ts";

interface ConflictProps {
  readonly differences: readonly Difference[];
  readonly onDiscard: () => void;
  readonly onKeep: () => void;
}

export function Conflict({ differences, onDiscard, onKeep }: ConflictProps): JSX.Element {
  return (
    <section class="box warn" role="alert" aria-labelledby="conflict-head">
      <h2 id="conflict-head">{t("conflict.title")}</h2>
      <p>{t("conflict.what")}</p>
      <ul>
        {differences.map(({ name, was, is, mine }) => (
          <li key={name}>
            <code>{name}</code>: {t("conflict.line", { was: shown(was), is: shown(is) })}
            {mine !== undefined && ` ${t("conflict.mine", { mine: shown(mine) })}`}
          </li>
        ))}
      </ul>
      <div class="actions">
        <Button onPress={onDiscard}>{t("conflict.discard")}</Button>
        <Button onPress={onKeep}>{t("conflict.keep")}</Button>
      </div>
    </section>
  );
}

function shown(value: string): string {
  return value === "" ? t("parameter.empty") : value;
}
