// Where things are: the npm packages that `cargo xtask tools` has installed, and the binary under test.

import { existsSync } from "node:fs";
import { createRequire } from "node:module";
import { fileURLToPath } from "node:url";

/** The folder of the repository. */
export const ROOT = fileURLToPath(new URL("../../", import.meta.url));

const installed = createRequire(`${ROOT}.tools/npm/`);

/** An npm package at the version of `tests/tools/package-lock.json`. */
export function tool(name) {
  try {
    return installed(name);
  } catch (error) {
    throw new Error(`${name} is missing: run \`cargo xtask tools\` first`, { cause: error });
  }
}

/** The binary under test. */
export function binary() {
  const path = process.env.FLUENTCAST_BIN ?? `${ROOT}target/debug/fluentcast`;
  if (!existsSync(path)) throw new Error(`${path} is missing: build it, or say where it is in FLUENTCAST_BIN`);
  return path;
}
