import { openSafetensors } from "../../src/checkpoint/safetensors.ts";
import { testCorruption } from "./corruption.ts";

testCorruption({ name: "parametrized.safetensors", open: openSafetensors, hasChecksums: false });
