// A value that components follow.
import { useEffect, useState } from "preact/hooks";

export class Cell<T> {
  private current: T;
  private readonly followers = new Set<(value: T) => void>();

  constructor(value: T) {
    this.current = value;
  }

  get value(): T {
    return this.current;
  }

  set(value: T): void {
    if (Object.is(value, this.current)) return;
    this.current = value;
    for (const follower of this.followers) follower(value);
  }

  /** Returns the function that ends it. */
  follow(follower: (value: T) => void): () => void {
    this.followers.add(follower);
    return () => void this.followers.delete(follower);
  }
}

export function useCell<T>(cell: Cell<T>): T {
  const [value, setValue] = useState(() => cell.value);
  useEffect(() => {
    // It may have changed between the first drawing and this effect.
    setValue(() => cell.value);
    return cell.follow((next) => setValue(() => next));
  }, [cell]);
  return value;
}
