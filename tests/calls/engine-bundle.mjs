// The pinned engine versions, as npm ships them.
import { createRequire } from 'node:module';

const require = createRequire(import.meta.url);

/** Versions of nertc-web-sdk. The newest comes last. */
export const ENGINES = ['4.6.50', '5.4.0', '5.8.34'];

/** Path of the browser build of a version, for a script tag. */
export function enginePath(version) {
  if (!ENGINES.includes(version)) throw new Error(`engine version must be one of ${ENGINES.join(', ')}, not ${version}`);
  return require.resolve(`engine-${version}/NERTC.js`);
}
