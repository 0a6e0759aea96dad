import { endWithin } from '../../database/wire/answer-within.js';
import { messageOf } from '../../errors.js';
import { LOOK_MS, type RelayBoot } from '../relays/relay-definition.js';

/**
 * Looks at something of the broker at boot. A broker that is away is no reason to fail the boot: the source
 * waits for it. So an error is a warning.
 */
export async function lookAtBoot(boot: RelayBoot, what: string, look: () => Promise<void>): Promise<void> {
  try {
    await endWithin(LOOK_MS, look(), () => new Error(`no answer within ${LOOK_MS} ms`));
  } catch (error) {
    boot.warn(`${what} could not be looked at: ${messageOf(error)}`);
  }
}
