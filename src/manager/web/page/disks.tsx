// The disks: how full, whose shares, and taking one out safely.
import type { JSX } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { ApiError, ask } from "./api.ts";
import { FormDialog } from "./dialog.tsx";
import { nameOfDisk } from "./disk-name.ts";
import type { Disk, EjectAnswer } from "./model.ts";
import { tell } from "./notice.ts";
import { Badge, Button, Empty, Loaded, Page, SpaceBar } from "./parts.tsx";
import { useResource } from "./resource.ts";
import { linkTo } from "./route.ts";
import { sentence, t } from "./text.ts";

export function Disks(): JSX.Element {
  const { answer, fault, reload } = useResource<readonly Disk[]>("disks", ["disks", "configuration"]);
  const [leaving, setLeaving] = useState<Disk>();
  const ejected = useRef(new Set<string>());
  useVanished(answer?.value, ejected.current);
  const eject = async (disk: Disk): Promise<string> => {
    ejected.current.add(disk.mountPoint);
    try {
      const { value } = await ask<EjectAnswer>("POST", "eject", { mountPoint: disk.mountPoint });
      if (!value.isSafe) throw new ApiError(200, value.outcome, value.text);
    } catch (error) {
      ejected.current.delete(disk.mountPoint);
      throw error;
    } finally {
      void reload();
    }
    return t("disk.safe", { name: nameOfDisk(disk) });
  };
  return (
    <Page title={t("disks.title")} intro={t("disks.intro")}>
      <Loaded fault={fault} isLoaded={answer !== undefined}>
        {answer?.value.length === 0 && <Empty>{t("disks.none")}</Empty>}
        <ul class="cards">
          {answer?.value.map((disk) => (
            <DiskCard key={disk.mountPoint} disk={disk} onEject={() => setLeaving(disk)} />
          ))}
        </ul>
      </Loaded>
      {leaving !== undefined && (
        <FormDialog
          title={t("disk.eject.title", { name: nameOfDisk(leaving) })}
          verb={t("disk.eject")}
          onClose={() => setLeaving(undefined)}
          onSubmit={() => eject(leaving)}
        >
          <p>{t("disk.eject.what")}</p>
          {leaving.opens > 0 && <p class="box warn">{t("disk.eject.open", { count: leaving.opens })}</p>}
        </FormDialog>
      )}
    </Page>
  );
}

/** Tells of a disk that was pulled while it was shown. */
function useVanished(disks: readonly Disk[] | undefined, ejected: ReadonlySet<string>): void {
  const before = useRef<readonly Disk[] | undefined>(undefined);
  useEffect(() => {
    if (disks === undefined) return;
    const gone = before.current?.find(
      (disk) => !ejected.has(disk.mountPoint) && !disks.some((one) => one.mountPoint === disk.mountPoint),
    );
    before.current = disks;
    if (gone !== undefined) tell(t("disk.gone", { name: nameOfDisk(gone) }));
  }, [disks]);
}

function DiskCard({ disk, onEject }: { readonly disk: Disk; readonly onEject: () => void }): JSX.Element {
  const name = nameOfDisk(disk);
  const { totalBytes, freeBytes, shares, health } = disk;
  return (
    <li class="card">
      <div class="card-head">
        <h2>{name}</h2>
        <span class="badges">
          {disk.isEjected && <Badge kind="good">{t("disk.ejected")}</Badge>}
          {disk.isReadOnly && <Badge kind="warn">{t("disk.read-only")}</Badge>}
          {health.state === "failing" && <Badge kind="bad">{t("disk.failing")}</Badge>}
          {health.state === "good" && <Badge kind="good">{t("disk.good")}</Badge>}
        </span>
      </div>
      {totalBytes !== undefined && freeBytes !== undefined && (
        <SpaceBar total={totalBytes} free={freeBytes} label={name} />
      )}
      {disk.state !== undefined && (
        <p class="box warn" lang="en">
          {sentence(disk.state)}
        </p>
      )}
      {health.message !== "" && health.message !== disk.state && (
        <p class={`box ${health.state === "failing" ? "fault" : "plain"}`} lang="en">
          {sentence(health.message)}
        </p>
      )}
      {disk.fault !== undefined && <p class="box fault">{t("disk.fault", { code: disk.fault })}</p>}
      <p class="quiet">
        {t("disk.where", { fileSystem: disk.fileSystem, source: disk.source, mountPoint: disk.mountPoint })}
      </p>
      <p>
        {shares.length === 0 ? t("disk.not-shared") : `${t("disk.shares")} `}
        {shares.map((share, index) => (
          <span key={share}>
            {index > 0 && ", "}
            <a href={linkTo("shares", share)}>{share}</a>
          </span>
        ))}
        {disk.opens > 0 && ` · ${t("files.open", { count: disk.opens })}`}
      </p>
      {disk.isRemovable && !disk.isEjected && (
        <div class="actions">
          <Button onPress={onEject} label={t("disk.eject.title", { name })}>
            {t("disk.eject")}
          </Button>
        </div>
      )}
    </li>
  );
}
