// Commands of this machine that must succeed.

function finish(words: readonly string[], stdout: "inherit" | "pipe"): string {
  const done = Bun.spawnSync([...words], {
    env: { ...process.env, DEBIAN_FRONTEND: "noninteractive" },
    stdin: "ignore",
    stdout,
    stderr: "inherit",
  });
  if (!done.success) throw new Error(`${words.join(" ")}: status ${done.exitCode}`);
  return done.stdout?.toString() ?? "";
}

/** Throws where the command fails. */
export function runChecked(words: readonly string[]): void {
  finish(words, "inherit");
}

/** Standard output of a command; throws where it fails. */
export function readOutput(words: readonly string[]): string {
  return finish(words, "pipe");
}
