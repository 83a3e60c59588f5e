// The two pinned SDK versions, as npm ships them.
import { createRequire } from 'node:module';

const require = createRequire(import.meta.url);

export const VERSIONS = ['0.17.2', '10.8.1'];
const BUNDLE = {
  '0.17.2': 'sdk-0.17.2/dist/QCHAT_BROWSER_SDK.js',
  '10.8.1': 'sdk-10.8.1/dist/v1/QCHAT_BROWSER_SDK.js',
};

/** Path of the browser build of a version, for a script tag or `require`. */
export function sdkPath(version) {
  if (!BUNDLE[version]) throw new Error(`SDK version must be one of ${VERSIONS.join(', ')}, not ${version}`);
  return require.resolve(BUNDLE[version]);
}

export const loadSdk = (version) => require(sdkPath(version));
