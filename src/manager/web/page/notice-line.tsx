// Lines above every view: what has just happened, a server that does not answer, a page that is out of date.
import type { JSX } from "preact";
import { isOutdated } from "./api.ts";
import { useCell } from "./cell.ts";
import { retryNow, stream } from "./live.ts";
import { notice } from "./notice.ts";
import { Button } from "./parts.tsx";
import { t } from "./text.ts";

/** The elements are there before they have text: only then a screen reader reads the text out. */
export function NoticeLines(): JSX.Element {
  const current = useCell(notice);
  const isLost = useCell(stream) === "lost";
  const outdated = useCell(isOutdated);
  return (
    <div class="notices">
      <div role="status">
        {isLost && (
          <div class="box warn">
            <span>{t("live.lost")}</span>
            <Button onPress={retryNow}>{t("live.retry")}</Button>
          </div>
        )}
        {outdated && (
          <div class="box warn">
            <span>{t("live.outdated")}</span>
            <Button onPress={() => location.reload()}>{t("live.reload")}</Button>
          </div>
        )}
        {current?.kind === "done" && <Line kind="done" text={current.text} />}
      </div>
      <div role="alert">{current?.kind === "fault" && <Line kind="fault" text={current.text} />}</div>
    </div>
  );
}

function Line({ kind, text }: { readonly kind: string; readonly text: string }): JSX.Element {
  return (
    <div class={`box ${kind}`}>
      <span>{text}</span>
      <Button onPress={() => notice.set(undefined)}>{t("close")}</Button>
    </div>
  );
}
