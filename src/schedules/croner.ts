import { loadPeer } from '../words/optional-peer.js';
import { Times } from './timing.js';

/**
 * @throws IntegrationError INTEGRATION_PEER_MISSING if croner is not installed
 */
export async function loadTimes(): Promise<Times> {
  return new Times(await loadPeer('croner', () => import('croner'), 'nestjs-integration/schedules'));
}
