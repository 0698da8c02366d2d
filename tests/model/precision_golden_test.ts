import { testPrecisions } from "../model_precision.ts";

testPrecisions("cpu");
testPrecisions("wasm");
