// The server's speed as a small live plot. uPlot is loaded with the first plot.
import type { JSX } from "preact";
import { useEffect, useRef } from "preact/hooks";
import type uPlot from "uplot";
import { type Speed, speeds } from "./live.ts";
import { useCell } from "./cell.ts";
import { formatRate, formatTime, t } from "./text.ts";

const HEIGHT = 160;
/** The plot has this much of the past from its first point on, so that it moves and does not stretch. */
const SPAN_SECONDS = 120;

export function SpeedPlot(): JSX.Element {
  const samples = useCell(speeds);
  const place = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot | undefined>(undefined);
  useEffect(() => {
    let isGone = false;
    const dark = matchMedia("(prefers-color-scheme: dark)");
    const draw = async (): Promise<void> => {
      const { default: Plot } = await import("uplot");
      if (isGone || place.current === null) return;
      plot.current?.destroy();
      plot.current = new Plot(optionsFor(place.current), dataOf(speeds.value), place.current);
    };
    const again = (): void => void draw();
    void draw();
    // Canvases do not follow the colours of the style sheet by themselves.
    dark.addEventListener("change", again);
    const size = new ResizeObserver(() => {
      const width = place.current?.clientWidth ?? 0;
      if (plot.current !== undefined && width > 0 && width !== plot.current.width)
        plot.current.setSize({ width, height: HEIGHT });
    });
    if (place.current !== null) size.observe(place.current);
    return () => {
      isGone = true;
      dark.removeEventListener("change", again);
      size.disconnect();
      plot.current?.destroy();
      plot.current = undefined;
    };
  }, []);
  useEffect(() => plot.current?.setData(dataOf(samples)), [samples]);
  const last = samples.at(-1);
  return (
    <figure class="plot">
      <figcaption>
        <span class="key down">{t("speed.down", { rate: formatRate(last?.down ?? 0) })}</span>
        <span class="key up">{t("speed.up", { rate: formatRate(last?.up ?? 0) })}</span>
      </figcaption>
      <div ref={place} aria-hidden="true" />
    </figure>
  );
}

function dataOf(samples: readonly Speed[]): uPlot.AlignedData {
  return [
    samples.map(({ time }) => time / 1000),
    samples.map(({ down }) => down),
    samples.map(({ up }) => up),
  ];
}

function optionsFor(place: HTMLElement): uPlot.Options {
  const style = getComputedStyle(document.documentElement);
  const colour = (name: string): string => style.getPropertyValue(name).trim();
  const axis = {
    stroke: colour("--quiet"),
    grid: { stroke: colour("--line"), width: 1 },
    ticks: { show: false },
    font: "12px system-ui, sans-serif",
  };
  const line = (name: string): uPlot.Series => ({
    stroke: colour(name),
    width: 2,
    points: { show: false },
  });
  return {
    width: Math.max(200, place.clientWidth),
    height: HEIGHT,
    legend: { show: false },
    cursor: { show: false },
    scales: {
      x: {
        time: true,
        range: (_, from, to) => {
          const end = to ?? Date.now() / 1000;
          return [Math.min(from ?? end, end - SPAN_SECONDS), end];
        },
      },
      y: { range: (_, __, top) => [0, Math.max(1000, (top ?? 0) * 1.1)] },
    },
    axes: [
      { ...axis, size: 28, values: (_, ticks) => ticks.map((tick) => formatTime(tick * 1000)), space: 110 },
      { ...axis, size: 76, values: (_, ticks) => ticks.map((tick) => formatRate(tick)), space: 36 },
    ],
    series: [{}, line("--down"), line("--up")],
  };
}
