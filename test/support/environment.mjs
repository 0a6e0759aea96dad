import vm from 'node:vm';
import { TestEnvironment } from 'jest-environment-node';

/**
 * Jest's own environment makes the globals of a test file a proxy, which is asked whenever the code names a global, be it
 * `Math` or `Promise`. Here they are plain: code runs as fast as in an application. docs/decisions/0092
 */
export default class PlainEnvironment extends TestEnvironment {
  constructor(...args) {
    const { createContext } = vm;
    vm.createContext = () => createContext(vm.constants.DONT_CONTEXTIFY);
    try {
      super(...args);
    } finally {
      vm.createContext = createContext;
    }
  }

  /** A test file has a `process` of its own, which hears nothing of what Node tells the real one. Warnings are passed on. */
  passWarning = (warning) => this.global.process.emit('warning', warning);

  async setup() {
    await super.setup();
    process.on('warning', this.passWarning);
  }

  async teardown() {
    process.off('warning', this.passWarning);
    await super.teardown();
  }
}
