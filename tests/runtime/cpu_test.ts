import { testBackend } from "./backend_suite.ts";
import { openCpu } from "../../src/runtime/cpu.ts";

testBackend("cpu", openCpu);
