import { hubSettings } from "../../src/checkpoint/hub_settings.ts";
import { join } from "../../src/std.ts";
import { assertEquals, assertRejects } from "../assert.ts";
import { TemporaryFolder } from "./files.ts";

const settingsIn = (variables: Record<string, string>, options = {}) =>
  hubSettings(options, (name) => ({ HOME: "/home/me", ...variables })[name]);

Deno.test("hubSettings() has Python's defaults", async () => {
  assertEquals(await settingsIn({}), {
    endpoint: "https://huggingface.co",
    token: undefined,
    cacheFolder: "/home/me/.cache/huggingface/hub",
    offline: false,
    useSymlinks: true,
  });
});

Deno.test("hubSettings() finds the cache where Python does", async () => {
  const cacheIn = async (variables: Record<string, string>) =>
    (await settingsIn(variables)).cacheFolder;
  assertEquals(await cacheIn({ XDG_CACHE_HOME: "/xdg" }), "/xdg/huggingface/hub");
  assertEquals(await cacheIn({ HF_HOME: "~/hf", XDG_CACHE_HOME: "/xdg" }), "/home/me/hf/hub");
  assertEquals(await cacheIn({ HUGGINGFACE_HUB_CACHE: "/old", HF_HOME: "/hf" }), "/old");
  assertEquals(await cacheIn({ HF_HUB_CACHE: "/new", HUGGINGFACE_HUB_CACHE: "/old" }), "/new");
  const { cacheFolder } = await settingsIn({ HF_HUB_CACHE: "/new" }, { cacheFolder: "/given" });
  assertEquals(cacheFolder, "/given");
});

Deno.test("hubSettings() finds the token where Python does", async () => {
  await using folder = new TemporaryFolder();
  const path = await folder.write("token", "hf_file\n");
  const tokenIn = async (variables: Record<string, string>, options = {}) =>
    (await settingsIn({ HF_HOME: folder.path, ...variables }, options)).token;
  assertEquals(await tokenIn({}), "hf_file");
  assertEquals(await tokenIn({ HF_TOKEN: " hf_variable " }), "hf_variable");
  assertEquals(await tokenIn({ HF_TOKEN: "hf_variable" }, { token: "hf_given" }), "hf_given");
  assertEquals(await tokenIn({ HF_TOKEN: "hf_variable" }, { token: false }), undefined);
  assertEquals(await tokenIn({ HF_HUB_DISABLE_IMPLICIT_TOKEN: "1" }), undefined);
  assertEquals(await tokenIn({ HF_TOKEN: "hf_variable" }, { offline: true }), undefined);
  assertEquals(await tokenIn({ HF_HOME: "/nowhere", HF_TOKEN_PATH: path }), "hf_file");
  assertEquals(await tokenIn({ HF_TOKEN_PATH: join(folder.path, "gone") }), undefined);
});

Deno.test("hubSettings() knows what true is", async () => {
  for (const value of ["1", "on", "Yes", "TRUE"]) {
    assertEquals((await settingsIn({ HF_HUB_OFFLINE: value })).offline, true);
  }
  for (const value of ["0", "off", "", "2"]) {
    assertEquals((await settingsIn({ HF_HUB_OFFLINE: value })).offline, false);
  }
  assertEquals((await settingsIn({ HF_HUB_OFFLINE: "1" }, { offline: false })).offline, false);
  assertEquals((await settingsIn({ TRANSFORMERS_OFFLINE: "1" })).offline, true);
  assertEquals((await settingsIn({ HF_HUB_DISABLE_SYMLINKS: "1" })).useSymlinks, false);
});

Deno.test("hubSettings() takes an endpoint that is an address", async () => {
  const { endpoint } = await settingsIn({ HF_ENDPOINT: "http://127.0.0.1:80/mirror//" });
  assertEquals(endpoint, "http://127.0.0.1/mirror");
  for (const wrong of ["huggingface.co", "file:///etc", "ftp://x", "https://me@x", "https://x?y"]) {
    await assertRejects(() => settingsIn({}, { endpoint: wrong }), RangeError, wrong);
  }
});
