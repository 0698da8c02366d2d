/**
 * fast-check, whose lists are as long as their `maxLength` says. By itself it makes none longer than
 * ten, whatever that says, which is hardly a word for a stream.
 *
 * @module
 */
import fc from "fast-check";

fc.configureGlobal({ defaultSizeToMaxWhenMaxSpecified: true });

export default fc;
