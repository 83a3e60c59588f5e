/** Console logging. Messages never carry tokens. */
let verbose = false;

export const log = {
  setVerbose(on: boolean): void {
    verbose = on;
  },
  debug(message: string, ...details: unknown[]): void {
    if (verbose) console.debug(`[roomkit] ${message}`, ...details);
  },
  warn(message: string, ...details: unknown[]): void {
    console.warn(`[roomkit] ${message}`, ...details);
  },
};
