declare const ROOMKIT_VERSION: string | undefined;

/** The package's version; put in by the build. */
export const VERSION = typeof ROOMKIT_VERSION === "string" ? ROOMKIT_VERSION : "0.0.0";
