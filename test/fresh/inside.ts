// Runs a command inside a bare root, in mount and process namespaces of its own: the kernel ends all processes and mounts with the first.
import { networkVariables, USER } from "./bare-root.ts";

export interface Account {
  readonly name: string;
  readonly id: number;
  readonly home: string;
  readonly path: string;
}

export const ACCOUNTS: readonly Account[] = [
  {
    name: "root",
    id: 0,
    home: "/root",
    path: "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
  },
  // As Debian's /etc/profile has it: without the directories of sbin.
  { name: USER.name, id: USER.id, home: `/home/${USER.name}`, path: "/usr/local/bin:/usr/bin:/bin" },
];

/** $1 is the root, the rest the command. The second umount takes the machine's own root away. */
const ENTER = `set -e
mount --bind "$1" "$1"
cd "$1"
mount -t proc proc proc
mount --rbind /sys sys
mount --rbind /dev dev
mount -t tmpfs -o mode=755 tmpfs run
pivot_root . .
umount -l .
shift
exec chroot . "$@"`;

/**
 * The shell stays, so that the first process of the namespace collects what others leave behind; as root, since the kernel
 * forgets with a change of users that the process ends with its parent (PR_SET_PDEATHSIG).
 */
const FIRST = `cd "$1"; shift; "$@"; exit $?`;

export interface Inside {
  /** All output so far, of both streams. */
  output(): string;
  /** Ctrl-C: SIGINT to every process. */
  interrupt(): void;
  /** Ends every process at once. */
  kill(): void;
  /** Exit status, once the output has been read to its end. */
  readonly exited: Promise<number>;
}

const running = new Set<Inside>();

/** Ends what still runs and waits for it. */
export async function killAll(): Promise<void> {
  const left = [...running];
  for (const inside of left) inside.kill();
  await Promise.all(left.map(({ exited }) => exited));
}

/** Starts a shell's `command` in the account's clone; its output goes to ours as well. */
export function startInside(root: string, account: Account, command: string): Inside {
  const { id, home, name, path } = account;
  const variables = { ...networkVariables(), PATH: path, HOME: home, USER: name, LANG: "C.UTF-8" };
  const environment = Object.entries(variables).map(([key, value]) => `${key}=${value}`);
  const words = [
    ...["env", "-i", ...environment],
    ...["/bin/sh", "-c", FIRST, "sh", `${home}/minismbd`],
    ...["setpriv", `--reuid=${id}`, `--regid=${id}`, "--clear-groups", "--"],
    ...["/bin/sh", "-c", command],
  ];
  const child = Bun.spawn(
    [
      ...["setpriv", "--pdeathsig", "KILL", "--"],
      ...["unshare", "--mount", "--pid", "--fork", "--kill-child", "--"],
      ...["/bin/sh", "-c", ENTER, "sh", root, ...words],
    ],
    { stdin: "ignore", stdout: "pipe", stderr: "pipe", detached: true },
  );
  let output = "";
  const collect = async (stream: ReadableStream<Uint8Array>): Promise<void> => {
    const decoder = new TextDecoder();
    for await (const chunk of stream) {
      const text = decoder.decode(chunk, { stream: true });
      output += text;
      process.stdout.write(text);
    }
  };
  const exited = Promise.all([collect(child.stdout), collect(child.stderr), child.exited]).then(
    ([, , status]) => {
      running.delete(inside);
      return status;
    },
  );
  const inside: Inside = {
    output: () => output,
    interrupt: () => void process.kill(-child.pid, "SIGINT"),
    kill: () => child.kill("SIGKILL"),
    exited,
  };
  running.add(inside);
  return inside;
}
