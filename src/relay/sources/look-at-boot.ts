import { messageOf } from '../../errors.js';
import type { RelayBoot } from '../relays/relay-definition.js';

/** For how long a boot waits for the answer of a broker. */
const LOOK_MS = 5_000;

/**
 * Looks at something of the broker at boot. A broker that is away is no reason to fail the boot: the source
 * waits for it. So an error is a warning.
 */
export async function lookAtBoot(boot: RelayBoot, what: string, look: () => Promise<void>): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`no answer within ${LOOK_MS} ms`)), LOOK_MS);
  });
  try {
    await Promise.race([look(), late]);
  } catch (error) {
    boot.warn(`${what} could not be looked at: ${messageOf(error)}`);
  } finally {
    clearTimeout(timer);
  }
}
