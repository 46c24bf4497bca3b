// The first view: what the server does now, and what needs a hand.
import type { ComponentChildren, JSX } from "preact";
import { useCell } from "./cell.ts";
import { nameOfDisk } from "./disk-name.ts";
import { connections, status } from "./live.ts";
import type { Disk, Share } from "./model.ts";
import { Badge, Empty, Loaded, Page, SpaceBar } from "./parts.tsx";
import { useResource } from "./resource.ts";
import { linkTo } from "./route.ts";
import { isAway, worstFaultOf } from "./share-state.ts";
import { SpeedPlot } from "./speed-plot.tsx";
import { formatBytes, formatDuration, sentence, t } from "./text.ts";

export function Overview(): JSX.Element {
  const now = useCell(status);
  const disks = useResource<readonly Disk[]>("disks", ["disks", "configuration"]);
  const shares = useResource<readonly Share[]>("shares", ["configuration", "disks"]);
  return (
    <Page title={t("overview.title")}>
      <Attention disks={disks.answer?.value ?? []} shares={shares.answer?.value ?? []} />
      <ServerCard />
      <section class="card" aria-labelledby="speed-head">
        <h2 id="speed-head">{t("speed.title")}</h2>
        <SpeedPlot />
        {now !== undefined && (
          <p class="quiet">
            {t("speed.since", {
              sent: formatBytes(now.traffic.sentBytes),
              received: formatBytes(now.traffic.receivedBytes),
            })}
          </p>
        )}
      </section>
      <section class="card" aria-labelledby="disks-head">
        <h2 id="disks-head">{t("overview.disks")}</h2>
        <Loaded fault={disks.fault} isLoaded={disks.answer !== undefined}>
          {disks.answer?.value.length === 0 && <Empty>{t("disks.none")}</Empty>}
          <ul class="plain">
            {disks.answer?.value.map((disk) => (
              <li key={disk.mountPoint} class="space-row">
                <a href={linkTo("disks")}>{nameOfDisk(disk)}</a>
                {disk.totalBytes !== undefined && disk.freeBytes !== undefined && (
                  <SpaceBar total={disk.totalBytes} free={disk.freeBytes} label={nameOfDisk(disk)} />
                )}
              </li>
            ))}
          </ul>
        </Loaded>
      </section>
    </Page>
  );
}

function ServerCard(): JSX.Element {
  const now = useCell(status);
  const clients = useCell(connections);
  return (
    <section class="card" aria-labelledby="server-head">
      <h2 id="server-head">{t("overview.server")}</h2>
      {now === undefined ? (
        <p class="quiet late">{t("loading")}</p>
      ) : (
        <dl class="facts">
          <Fact word={t("overview.clients")}>
            <a href={linkTo("clients")}>{t("overview.clients.count", { count: clients.length })}</a>
          </Fact>
          <Fact word={t("overview.files")}>{t("overview.files.count", { count: now.files })}</Fact>
          <Fact word={t("overview.uptime")}>{formatDuration(now.uptimeMs)}</Fact>
          <Fact word={t("overview.memory")}>
            {formatBytes(now.residentBytes)}{" "}
            {now.memoryStep > 0 && <Badge kind="warn">{t("overview.short")}</Badge>}
          </Fact>
          <Fact word={t("overview.address")}>{`\\\\${now.serverName}`}</Fact>
          <Fact word={t("overview.version")}>{now.version}</Fact>
        </dl>
      )}
    </section>
  );
}

function Fact(props: { readonly word: string; readonly children: ComponentChildren }): JSX.Element {
  return (
    <div>
      <dt>{props.word}</dt>
      <dd>{props.children}</dd>
    </div>
  );
}

/** What does not work: shares without their disk, faults of the configuration, disks that fail. */
function Attention(props: { readonly disks: readonly Disk[]; readonly shares: readonly Share[] }) {
  const lines = [
    ...props.shares
      .filter((share) => share.kind !== "disk" && worstFaultOf(share) !== undefined)
      .map((share) => ({
        key: `share ${share.name}`,
        href: linkTo("shares", share.name),
        text: t("attention.share", {
          name: share.name,
          message: sentence(worstFaultOf(share)?.message ?? ""),
        }),
      })),
    ...props.shares.filter(isAway).map(({ name }) => ({
      key: `missing ${name}`,
      href: linkTo("shares", name),
      text: t("attention.missing", { name }),
    })),
    ...props.disks.flatMap((disk) => {
      const words = disk.health.state === "failing" ? disk.health.message : (disk.state ?? disk.fault);
      const text = t("attention.disk", { name: nameOfDisk(disk), message: sentence(words ?? "") });
      return words === undefined ? [] : [{ key: `disk ${disk.mountPoint}`, href: linkTo("disks"), text }];
    }),
  ];
  if (lines.length === 0) return null;
  return (
    <section class="box warn attention" aria-labelledby="attention-head">
      <h2 id="attention-head">{t("attention.title", { count: lines.length })}</h2>
      <ul>
        {lines.map(({ key, href, text }) => (
          <li key={key}>
            <a href={href}>{text}</a>
          </li>
        ))}
      </ul>
    </section>
  );
}
