import { assertEquals } from "../assert.ts";
import { qrCode } from "../../web/qr_code.js";

/** Codes that npm's `qrcode` 1.5.4 makes of the same text, by their SHA-256. */
const KNOWN = [
  ["Hubcap", 21, "5f4cd31125640a3e99cf1d7ff5460b84deab287afa8b4f1125845c33c1c5c036"],
  [
    "https://captions.example/#watch=0b0e7a52-7a1f-4c0e-9d55-3f1a2b3c4d5e",
    37,
    "9d31506cd44562c7b03c4c9759b73a8caff50d1de4886fa22203c664eac508b2",
  ],
  ["wörter ".repeat(20), 53, "5580dc14db4cf4a6a04853dc7b0e28a6b9b36f6b86c910588936ac7e066c4ea1"],
] as const;

Deno.test("qr code: as another encoder makes it, versions 1, 5 and 9", async () => {
  for (const [text, size, digest] of KNOWN) {
    const rows = qrCode(text)!;
    const drawn = rows.map((row) => row.map((isDark) => isDark ? "1" : "0").join("")).join("\n");
    const hash = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(drawn));
    assertEquals([rows.length, new Uint8Array(hash).toHex()], [size, digest], text);
  }
});

Deno.test("qr code: none of a text that is too long", () => {
  assertEquals(qrCode("x".repeat(181)), undefined);
});
