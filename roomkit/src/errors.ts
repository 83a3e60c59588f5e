import type { NEResult } from "./types";
import { log } from "./log";

/** Kit codes; codes of the server are passed on unchanged. */
export const CODE_GENERAL = -1;
export const CODE_BAD_REQUEST = 400;
export const CODE_TOKEN_UNAUTHORIZED = 402;
export const CODE_SERVER_BUSY = 503;
export const CODE_TOKEN_EXPIRED = 1026;
export const CODE_TOKEN_INCORRECT = 1027;

/** What every failing call rejects with. `message` is enumerable, so that a copy of the fields is `{code, message}`. */
export class RoomKitError extends Error {
  readonly code: number;
  readonly data: unknown;

  constructor(code: number, message: string, data?: unknown) {
    super(message);
    this.name = "RoomKitError";
    this.code = code;
    this.data = data;
    Object.defineProperty(this, "message", { value: message, enumerable: true });
  }
}

export function asKitError(cause: unknown): RoomKitError {
  if (cause instanceof RoomKitError) return cause;
  if (cause instanceof Error) return new RoomKitError(CODE_GENERAL, `${cause.name}: ${cause.message}`);
  return new RoomKitError(CODE_GENERAL, String(cause));
}

export function success<T>(data: T): NEResult<T> {
  return { code: 0, message: "success", data };
}

/**
 * Runs one public call. The SDK drops many of our promises, so each carries its own rejection handler: no "unhandled
 * rejection" noise, while an awaiting caller still sees the rejection.
 */
export function publicCall<T>(what: string, job: () => T | Promise<T>): Promise<T> {
  const run = async (): Promise<T> => {
    try {
      return await job();
    } catch (cause) {
      throw asKitError(cause);
    }
  };
  const promise = run();
  promise.catch((cause: unknown) => {
    const { code, message } = asKitError(cause);
    log.warn(`${what} failed with code ${code}: ${message}`);
  });
  return promise;
}

/** A call whose outcome nobody waits for. */
export function background(what: string, job: () => Promise<unknown>): void {
  void publicCall(what, job);
}

/** As {@link publicCall}, resolving with the usual result object. */
export function resultCall(what: string, job: () => unknown): Promise<NEResult<null>> {
  return publicCall(what, async () => {
    await job();
    return success(null);
  });
}

/** A feature this kit does not have: says so instead of pretending. */
export function notSupported(what: string): Promise<never> {
  return publicCall(what, () => Promise.reject(new RoomKitError(CODE_GENERAL, "not support")));
}
