// Three bundles of one class: ES module, CommonJS and a script-tag bundle. Type declarations come from tsc.
import { build } from "esbuild";
import { readFile, rm } from "node:fs/promises";

const { version } = JSON.parse(await readFile(new URL("../package.json", import.meta.url), "utf8"));
await rm(new URL("../dist", import.meta.url), { recursive: true, force: true });

const common = {
  bundle: true,
  target: ["chrome94", "firefox102", "safari15"],
  platform: "browser",
  sourcemap: true,
  legalComments: "none",
  define: { ROOMKIT_VERSION: JSON.stringify(version) },
  banner: { js: `/*! @rotunda/roomkit ${version} (Apache-2.0); contains mediasoup-client (ISC), sdp-transform (MIT): see THIRD_PARTY.md */` },
  // A CommonJS or script-tag user gets the class itself; `default` and the named exports hang on it.
  logLevel: "warning",
};
const asClass = "Object.defineProperty(__roomkit.default,'__esModule',{value:true});";

await Promise.all([
  build({ ...common, entryPoints: ["src/index.ts"], format: "esm", outfile: "dist/roomkit.mjs" }),
  build({
    ...common,
    entryPoints: ["src/index.ts"],
    format: "iife",
    globalName: "__roomkit",
    outfile: "dist/roomkit.cjs",
    footer: { js: `${asClass}module.exports=__roomkit.default;` },
  }),
  build({
    ...common,
    entryPoints: ["src/index.ts"],
    format: "iife",
    globalName: "__roomkit",
    minify: true,
    outfile: "dist/roomkit.umd.js",
    banner: { js: `${common.banner.js}\n(function(root){` },
    footer: {
      js: `${asClass}root.RotundaRoomKit=__roomkit.default;if(typeof module==="object"&&module.exports)module.exports=__roomkit.default;})(typeof globalThis==="object"?globalThis:this);`,
    },
  }),
]);
