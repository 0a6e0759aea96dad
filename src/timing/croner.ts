import { loadPeer } from '../words/optional-peer.js';
import { Times } from './timing.js';

/**
 * @param subpath who needs it: `nestjs-integration/schedules`
 * @throws IntegrationError INTEGRATION_PEER_MISSING if croner is not installed
 */
export async function loadTimes(subpath: string): Promise<Times> {
  return new Times(await loadPeer('croner', () => import('croner'), subpath));
}
