import { describe } from '@jest/globals';
import { BROKER_PROGRAMS, type BrokerName, missingBrokers } from '../../../proof/harness/brokers.js';

export { type Broker, startKafka, startNats, startRabbit } from '../../../proof/harness/brokers.js';

/**
 * Tests that need a broker. Where its program is not installed, this is said, and they count as skipped.
 */
export function describeWithBroker(
  brokers: BrokerName | readonly BrokerName[],
  what: string,
  tests: () => void,
): void {
  const missing = missingBrokers([brokers].flat());
  if (missing.length === 0) {
    describe(what, tests);
    return;
  }
  const programs = missing.map((broker) => BROKER_PROGRAMS[broker]).join(' ');
  process.stderr.write(
    `Skipped, because it is not installed: ${programs} (apt-get install ${programs}). ${what}\n`,
  );
  // biome-ignore lint/suspicious/noSkippedTests: a broker that is not installed must not look like a passed test
  describe.skip(what, tests);
}
