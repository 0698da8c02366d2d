import { openTorchBin } from "../../src/checkpoint/torch_bin.ts";
import { testCorruption } from "./corruption.ts";

testCorruption({ name: "weight_norm_legacy.bin", open: openTorchBin, hasChecksums: false });
testCorruption({ name: "weight_norm_zip.bin", open: openTorchBin, hasChecksums: true });
