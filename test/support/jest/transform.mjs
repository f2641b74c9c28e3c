/**
 * @swc/jest, with an exports object of its own shape for each module. V8 keeps one shape for all empty objects, and
 * jest makes them in its own context for every test file. swc exports by getters, so that a module that is loaded again
 * in one process, for the next test file, met the first one's getters in that shape: V8 then made its exports a hash
 * table, and every call of an imported function looked it up there, up to 20 times slower (docs/performance.md).
 */
import { createTransformer as createSwc } from '@swc/jest';

/** The directive, after the comments at the head of a file. */
const STRICT = /^(?:\s|\/\*(?:[^*]|\*(?!\/))*\*\/|\/\/.*)*"use strict";/;
/** An object with a prototype of its own has a shape of its own. On the directive's line, so that source maps stay right. */
const OWN_EXPORTS = 'exports = module.exports = Object.create({});';

function createTransformer(options) {
  const swc = createSwc(options);
  return {
    ...swc,
    process(source, path, jest) {
      const result = swc.process(source, path, jest);
      // swc makes ES modules strict, and leaves others, which export nothing by getters, as they are.
      return { ...result, code: result.code.replace(STRICT, (head) => head + OWN_EXPORTS) };
    },
    getCacheKey: (...about) => `${swc.getCacheKey(...about)}${STRICT}${OWN_EXPORTS}`,
  };
}

export default { createTransformer };
