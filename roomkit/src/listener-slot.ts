import { log } from "./log";

/**
 * One slot for a listener object: adding replaces, so an app that registers once per connection gets no doubles.
 * Removing with an object that has callbacks drops those names only (as the vendor's kit does); removing with an empty
 * object or nothing clears the slot, because the SDK removes with a new `{}`. Functions added by `on` live beside it.
 */
export class ListenerSlot<L extends object> {
  #listener: Partial<L> | undefined;
  readonly #functions = new Map<keyof L, Set<L[keyof L]>>();
  readonly #waiting: (() => void)[] = [];

  add(listener: Partial<L>): void {
    this.#listener = listener;
    for (const resume of this.#waiting.splice(0)) resume();
  }

  remove(listener?: Partial<L>): void {
    const names = listener === undefined ? [] : (Object.keys(listener) as (keyof L)[]);
    if (names.length === 0 || this.#listener === undefined) {
      this.#listener = undefined;
      return;
    }
    const rest: Partial<L> = {};
    for (const name of callbackNames(this.#listener)) {
      const callback = this.#listener[name];
      if (!names.includes(name) && typeof callback === "function") {
        rest[name] = (callback as (...args: unknown[]) => unknown).bind(this.#listener) as L[keyof L];
      }
    }
    this.#listener = rest;
  }

  on<K extends keyof L>(name: K, fn: L[K]): void {
    const set = this.#functions.get(name) ?? new Set();
    set.add(fn);
    this.#functions.set(name, set);
    for (const resume of this.#waiting.splice(0)) resume();
  }

  off<K extends keyof L>(name: K, fn?: L[K]): void {
    if (fn === undefined) this.#functions.delete(name);
    else this.#functions.get(name)?.delete(fn);
  }

  /** Calls every callback of that name. An error in the app never reaches the kit. */
  emit<K extends keyof L>(name: K, args: L[K] extends (...a: infer A) => unknown ? A : never): void {
    const own = this.#listener?.[name];
    if (typeof own === "function") this.#call(name, own, this.#listener, args);
    for (const fn of [...(this.#functions.get(name) ?? [])]) this.#call(name, fn, undefined, args);
  }

  /** Runs the job in a later macrotask, once there is somebody to hear it. */
  whenHeard(job: () => void): void {
    const later = (): void => {
      setTimeout(job, 0);
    };
    if (this.#listener !== undefined || this.#functions.size > 0) later();
    else this.#waiting.push(later);
  }

  clear(): void {
    this.#listener = undefined;
    this.#functions.clear();
    this.#waiting.length = 0;
  }

  #call(name: keyof L, fn: unknown, self: unknown, args: unknown[]): void {
    try {
      (fn as (...a: unknown[]) => unknown).apply(self, args);
    } catch (cause) {
      log.warn(`the app's ${String(name)} callback threw`, cause);
    }
  }
}

/** Own and inherited names: a listener may be a class instance. */
function callbackNames<L extends object>(listener: L): (keyof L)[] {
  const names = new Set<keyof L>();
  let level: object | null = listener;
  while (level !== null && level !== Object.prototype) {
    for (const name of Object.getOwnPropertyNames(level)) if (name !== "constructor") names.add(name as keyof L);
    level = Object.getPrototypeOf(level) as object | null;
  }
  return [...names];
}
