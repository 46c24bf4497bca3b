// The icons, drawn with lines in the colour of the text beside them.
import type { JSX } from "preact";

const PATHS = {
  overview: "M4 13a8 8 0 0 1 16 0M12 13l4-4M5 18h14",
  shares: "M3 7a2 2 0 0 1 2-2h4l2 2h8a2 2 0 0 1 2 2v8a2 2 0 0 1-2 2H5a2 2 0 0 1-2-2z",
  users: "M12 12a4 4 0 1 0 0-8 4 4 0 0 0 0 8zM4 20a8 6 0 0 1 16 0",
  disks: "M4 14l3-8h10l3 8v4a1 1 0 0 1-1 1H5a1 1 0 0 1-1-1zM4 14h16M16 16.5h1",
  clients: "M4 6h11v9H4zM2 18h12M17 9h5v10h-5z",
  log: "M5 5h14M5 10h14M5 15h9M5 20h6",
  settings: "M4 7h9M17 7h3M4 17h3M11 17h9M15 4.5v5M9 14.5v5",
  logoff: "M10 5H5v14h5M14 8l4 4-4 4M18 12H9",
  phone: "M8 3h8a1 1 0 0 1 1 1v16a1 1 0 0 1-1 1H8a1 1 0 0 1-1-1V4a1 1 0 0 1 1-1zM11 18h2",
  mark: "M4 16l3-9h10l3 9v3H4zM4 16h16M8 13h8",
} as const;

export type IconName = keyof typeof PATHS;

export function Icon({ name }: { readonly name: IconName }): JSX.Element {
  return (
    <svg class="icon" viewBox="0 0 24 24" aria-hidden="true" focusable="false">
      <path d={PATHS[name]} />
    </svg>
  );
}
