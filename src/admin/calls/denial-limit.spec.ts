import { describe, expect, it } from '@jest/globals';
import { DenialLimit } from './denial-limit.js';

const MINUTES = 60_000;

describe('denials', () => {
  it('of reads are noted once in ten minutes for each person and action, and then say how many there were', () => {
    let now = 0;
    const limit = new DenialLimit(() => now);
    expect(limit.take('ann', 'payloads.read')).toEqual({ unnoted: 0 });
    for (let n = 0; n < 5_000; n++) expect(limit.take('ann', 'payloads.read')).toBeUndefined();
    expect(limit.take('ben', 'payloads.read')).toEqual({ unnoted: 0 });
    expect(limit.take('ann', 'events.read')).toEqual({ unnoted: 0 });
    now = 10 * MINUTES;
    expect(limit.take('ann', 'payloads.read')).toEqual({ unnoted: 5_000 });
    expect(limit.take('ann', 'payloads.read')).toBeUndefined();
  });

  it('of changes are noted twenty times in ten minutes', () => {
    const limit = new DenialLimit(() => 0);
    const noted = Array.from({ length: 100 }, () => limit.take('ann', 'consumers.remove'));
    expect(noted.filter((turn) => turn !== undefined)).toHaveLength(20);
  });

  it('of very many persons take a bounded memory', () => {
    const limit = new DenialLimit(() => 0);
    for (let n = 0; n < 10_001; n++) limit.take(`person ${n}`, 'events.read');
    expect(limit.take('person 10000', 'events.read')).toBeUndefined();
    expect(limit.take('person 0', 'events.read')).toEqual({ unnoted: 0 });
  });
});
