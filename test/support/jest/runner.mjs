/**
 * Runs the browser tests beside the others: they leave a core free much of the time. One file after the other, in
 * jest's own process, where they share a browser: two browsers on few cores starve each other, and WebAssembly's threads
 * then may not wake up. The others go to jest's workers meanwhile, one worker less than without a browser: tests of
 * processes that lose a lock when they get no processor time should not meet more load than there are cores.
 */
import TestRunner from 'jest-runner';

const inBrowser = (test) => test.context.config.displayName?.name === 'browser';

export default class Runner extends TestRunner {
  async runTests(tests, watcher, { serial }) {
    // Jest would start its workers also for no test at all.
    const run = (some, options) => (some.length > 0 ? super.runTests(some, watcher, options) : undefined);
    if (serial) return run(tests, { serial });
    const browser = tests.filter(inBrowser);
    const { maxWorkers } = this._globalConfig;
    if (browser.length > 0) this._globalConfig = { ...this._globalConfig, maxWorkers: Math.max(1, maxWorkers - 1) };
    const others = tests.filter((test) => !inBrowser(test));
    await Promise.all([run(browser, { serial: true }), run(others, { serial: false })]);
  }
}
