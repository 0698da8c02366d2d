/**
 * What the scripted server hears.
 *
 * @module
 */
import { scriptOf } from "./scripted_server.ts";

/** Some sentences of ours. */
export const SCRIPT = scriptOf([
  "good evening and welcome to the harbour museum",
  "before we go in let me say a word about the light",
  "the lamp you see above us turned every night for ninety years and it was never once late",
  "on clear evenings people saw it from thirty miles away",
  "the keepers wrote down every ship that passed and their books are the oldest thing in this house",
  "we will read from one of them now so please come a little closer",
]);
