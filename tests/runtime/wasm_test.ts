import { testBackend } from "./backend_suite.ts";
import { openWasm } from "../../src/runtime/wasm.ts";

testBackend("wasm", openWasm);
