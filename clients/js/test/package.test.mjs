// The package as npm would publish it: what is in it, that it can be imported, that its types hold.

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { cp, mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { promisify } from "node:util";

import { ROOT } from "../../../tests/node/tools.mjs";

const run = promisify(execFile);
const SOURCE = `${ROOT}clients/js`;

/** A project that has the packed package among its modules. */
async function installed(t) {
  const folder = await mkdtemp(join(tmpdir(), "fluentcast-npm-"));
  t.after(() => rm(folder, { recursive: true, force: true }));
  const { stdout } = await run("npm", ["pack", "--json", "--pack-destination", folder], { cwd: SOURCE });
  const [packed] = JSON.parse(stdout);
  const modules = join(folder, "node_modules", "fluentcast");
  await mkdir(modules, { recursive: true });
  await run("tar", ["-xzf", join(folder, packed.filename), "-C", modules, "--strip-components=1"]);
  await writeFile(join(folder, "package.json"), '{"type":"module"}');
  return { folder, packed };
}

test("what is packed is all that is needed, and can be imported", async (t) => {
  const { folder, packed } = await installed(t);
  const names = packed.files.map(({ path }) => path).sort();
  assert.deepEqual(names, ["LICENSE", "README.md", "fluentcast.d.ts", "fluentcast.js", "package.json"]);
  await writeFile(join(folder, "main.js"), 'import * as all from "fluentcast"; console.log(Object.keys(all).join());');
  const { stdout } = await run(process.execPath, [join(folder, "main.js")]);
  assert.equal(stdout.trim(), "ServerError,connect,decodeMessagePack,history");
});

test("types hold, in a page and in Node", async (t) => {
  const { folder } = await installed(t);
  await cp(`${SOURCE}/test/types/use.ts`, join(folder, "use.ts"));
  const tsc = `${ROOT}.tools/npm/node_modules/typescript/bin/tsc`;
  for (const [module, resolution] of [["nodenext", "nodenext"], ["es2022", "bundler"]]) {
    const flags = ["--strict", "--noEmit", "--target", "es2022", "--lib", "es2022,dom,dom.iterable"];
    const how = ["--module", module, "--moduleResolution", resolution, "--exactOptionalPropertyTypes"];
    await run(process.execPath, [tsc, ...flags, ...how, join(folder, "use.ts")]).catch(({ stdout }) => assert.fail(stdout));
  }
});

test("version and licence are the project's", async () => {
  const { version } = JSON.parse(await readFile(`${SOURCE}/package.json`, "utf8"));
  const cargo = await readFile(`${ROOT}Cargo.toml`, "utf8");
  assert.equal(version, /^version = "(.*)"$/m.exec(cargo)[1]);
  assert.equal(await readFile(`${SOURCE}/LICENSE`, "utf8"), await readFile(`${ROOT}LICENSE`, "utf8"));
});
