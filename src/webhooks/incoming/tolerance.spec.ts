import { describe, expect, it } from '@jest/globals';
import { hmacScheme } from './schemes/hmac.scheme.js';
import { webhookSource } from './sources/make-source.js';
import { refuseLongTolerance, toleranceOf } from './tolerance.js';

const DAY_MS = 86_400_000;
const sourceOf = (toleranceMs?: number) =>
  webhookSource({
    key: 'slow',
    secrets: 'a good secret',
    verify: hmacScheme({ header: 'X-Sig', timestampHeader: 'X-Time' }),
    deliveryId: () => undefined,
    type: () => 'x',
    toleranceMs,
  });
const limits = { toleranceMs: 300_000, receiptDays: 30 };

describe('the tolerance of a signed time', () => {
  it('is refused at boot where a captured request would outlive its receipt', () => {
    for (const toleranceMs of [31 * DAY_MS, 15 * DAY_MS + 1])
      expect(() => refuseLongTolerance(sourceOf(toleranceMs), limits)).toThrow(
        expect.objectContaining({
          code: 'INTEGRATION_OPTIONS_INVALID',
          message: expect.stringMatching(/"slow".*receiptDays.*at most 1296000000/),
        }),
      );
    for (const toleranceMs of [undefined, 1_000, 15 * DAY_MS])
      expect(() => refuseLongTolerance(sourceOf(toleranceMs), limits)).not.toThrow();
  });

  it('is that of the source, else the setting, and never more than half of the life of a receipt', () => {
    expect(toleranceOf(sourceOf(1_000), limits)).toBe(1_000);
    expect(toleranceOf(sourceOf(), limits)).toBe(300_000);
    expect(toleranceOf(sourceOf(15 * DAY_MS), { ...limits, receiptDays: 1 })).toBe(DAY_MS / 2);
    expect(toleranceOf(sourceOf(), { toleranceMs: DAY_MS, receiptDays: 1 })).toBe(DAY_MS / 2);
  });
});
