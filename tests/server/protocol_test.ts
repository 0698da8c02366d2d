import { assert, assertEquals } from "../assert.ts";
import { CLOSE_CODES } from "../../src/server/protocol.ts";

const read = (path: string) => Deno.readTextFile(new URL(`../../${path}`, import.meta.url));

Deno.test("protocol: imports nothing, so that a page can have it as it is", async () => {
  assertEquals(/^import|\bfrom "/m.test(await read("src/server/protocol.ts")), false);
});

Deno.test("protocol: every message, field and error is documented", async () => {
  const source = (await read("src/server/protocol.ts")).replaceAll(/\/\*[\s\S]*?\*\//g, "");
  const asyncapi = await read("docs/asyncapi.yaml");
  const guide = await read("docs/protocol.md");
  for (const [, type] of source.matchAll(/readonly type: "(\w+)"/g)) {
    assert(asyncapi.includes(`const: ${type} }`), `asyncapi.yaml lacks ${type}`);
    assert(guide.includes(type!), `protocol.md lacks ${type}`);
  }
  for (const [, field] of source.matchAll(/readonly (\w+)\??:/g)) {
    assert(asyncapi.includes(field!), `asyncapi.yaml lacks ${field}`);
  }
  for (const [code, close] of Object.entries(CLOSE_CODES)) {
    assert(asyncapi.includes(`- ${code}\n`), `asyncapi.yaml lacks ${code}`);
    const isListed = guide.split("\n").some((line) =>
      line.includes(`\`${code}\``) && line.includes(`| ${close} `)
    );
    assert(isListed, `protocol.md lacks ${code}, ${close}`);
  }
});
