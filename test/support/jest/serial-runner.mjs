/**
 * Runs test files one after the other in jest's own process: two browsers on few cores starve each other, and
 * WebAssembly's threads then may not wake up.
 */
import TestRunner from 'jest-runner';

export default class SerialRunner extends TestRunner {
  isSerial = true;
}
