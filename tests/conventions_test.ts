/**
 * What `CONTRIBUTING.md` says of the layout, checked.
 *
 * @module
 */
import { assert, assertEquals } from "./assert.ts";
import { dirname, fromFileUrl, join } from "../src/std.ts";

const ROOT = fromFileUrl(new URL("..", import.meta.url));

/** Folders of `src/` by rank: a file may import from its own rank and those before. */
const RANKS: readonly (readonly string[])[] = [
  [""], // the vocabulary
  ["audio", "ctc", "caption"],
  ["checkpoint", "graph", "runtime", "schedule", "stitch"],
  ["model"],
  ["verbs"],
  ["server"],
  ["cli"],
];

/** Files of `src/` itself that all folders may use; the others are public verbs. */
const VOCABULARY = ["errors.ts", "geometry.ts", "std.ts", "tensor.ts", "units.ts"];

/** Dependencies that are vocabulary themselves, not doors. */
const WITHOUT_DOOR = ["zod"];

interface SourceFile {
  /** Path below the root. */
  readonly path: string;
  readonly text: string;
  readonly imports: readonly string[];
}

async function* walk(folder: string): AsyncGenerator<string> {
  for await (const entry of Deno.readDir(join(ROOT, folder))) {
    const path = join(folder, entry.name);
    if (entry.isDirectory) yield* walk(path);
    else if (entry.name.endsWith(".ts")) yield path;
  }
}

/** A static import or export from a module, or a dynamic import of a literal. */
const IMPORT = /^(?:import|export)\b[^;"=()]*\bfrom\s*"([^"]+)"|\bimport\(\s*"([^"]+)"/gm;

async function sources(folder: string): Promise<SourceFile[]> {
  const files: SourceFile[] = [];
  for await (const path of walk(folder)) {
    const text = await Deno.readTextFile(join(ROOT, path));
    const code = text.replaceAll(/\/\*[\s\S]*?\*\//g, "");
    const imports = [...code.matchAll(IMPORT)].map((match) => match[1] ?? match[2]!);
    files.push({ path, text, imports });
  }
  return files;
}

function rankOf(path: string): number {
  const [, folder, file] = path.split("/") as [string, string, string | undefined];
  const name = file !== undefined ? folder : VOCABULARY.includes(folder) ? "" : "verbs";
  return RANKS.findIndex((folders) => folders.includes(name));
}

Deno.test("src: every folder has a rank, none is deeper than two levels", async () => {
  for (const { path } of await sources("src")) {
    assert(rankOf(path) >= 0, `${path} lies in a folder that no rank lists`);
    assert(path.split("/").length <= 3, `${path} lies too deep`);
  }
});

Deno.test("src: imports point one way", async () => {
  const wrong: string[] = [];
  for (const { path, imports } of await sources("src")) {
    for (const specifier of imports.filter((name) => name.startsWith("."))) {
      const target = join(dirname(path), specifier);
      if (!target.startsWith("src/")) wrong.push(`${path} imports ${target}, outside src`);
      else if (rankOf(target) > rankOf(path)) wrong.push(`${path} imports ${target}`);
    }
  }
  assertEquals(wrong, []);
});

Deno.test("src and bench: one door per dependency, and every dependency is used", async () => {
  const config = JSON.parse(await Deno.readTextFile(join(ROOT, "deno.json")));
  const doors = new Map<string, Set<string>>();
  const files = (await Promise.all(["src", "bench"].map(sources))).flat();
  for (const { path, imports } of files) {
    for (const specifier of imports.filter((name) => !/^(\.|node:)/.test(name))) {
      assert(specifier in config.imports, `${path} imports ${specifier}, not in the import map`);
      doors.set(specifier, (doors.get(specifier) ?? new Set()).add(path));
    }
  }
  const crowded = [...doors].filter(([name, paths]) =>
    paths.size > 1 && !WITHOUT_DOOR.includes(name)
  );
  assertEquals(crowded.map(([name, paths]) => `${name}: ${[...paths].join(", ")}`), []);
});

Deno.test("import map: exact versions of npm packages, none unused", async () => {
  const config = JSON.parse(await Deno.readTextFile(join(ROOT, "deno.json")));
  const files = (await Promise.all(["src", "tests", "examples", "bench"].map(sources))).flat();
  for (const [name, target] of Object.entries<string>(config.imports)) {
    assert(
      /^npm:(@[\w.-]+\/)?[\w.-]+@\d+\.\d+\.\d+(-[\w.]+)?(\/.*)?$/.test(target),
      `${name} is not pinned: ${target}`,
    );
    const isUsed = files.some(({ text }) => text.includes(`"${name}"`));
    assert(isUsed, `nothing imports ${name}`);
  }
});

Deno.test("exports: each entry is a file that re-exports and documents, nothing else", async () => {
  const config = JSON.parse(await Deno.readTextFile(join(ROOT, "deno.json")));
  for (const target of Object.values<string>(config.exports)) {
    const text = await Deno.readTextFile(join(ROOT, target));
    assert(text.startsWith("/**"), `${target} has no module documentation`);
    const code = text.replaceAll(/\/\*[\s\S]*?\*\//g, "").replaceAll(/\/\/.*$/gm, "");
    const rest = code.replaceAll(/export (type )?(\*|\{[^}]*\}) from "\.\/[^"]+";/g, "").trim();
    assertEquals(rest, "", `${target} does more than re-export`);
  }
});

Deno.test("tests: mirror src and bench", async () => {
  const files = (await Promise.all(["src", "bench"].map(sources))).flat();
  const known = new Set(files.map(({ path }) => path.replace(/^src\//, "")));
  const stray: string[] = [];
  for (const { path } of await sources("tests")) {
    const match = /^tests\/(.+?)(_property|_golden|_gpu|_memory)?_test\.ts$/.exec(path);
    if (match && !OUTSIDE_THE_MIRROR.has(match[1]!) && !known.has(`${match[1]}.ts`)) {
      stray.push(path);
    }
  }
  assertEquals(stray, []);
});

/** Tests of the project as a whole, and of the page. */
const OUTSIDE_THE_MIRROR = new Set([
  ...["conventions", "default_model_speech", "documentation", "example_clients", "examples"],
  ...["browser/audio_log", "browser/page", "browser/qr_code", "browser/transcript"],
]);
