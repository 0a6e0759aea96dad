import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import type { EventWithPayloadText } from '../../log/event-look.js';
import type { AdminCallOptions, AdminHttpRequest } from '../options/admin-options.js';
import { HIDDEN, hidingValues, TOO_MANY_HIDDEN } from './hidden-values.js';

const REQUEST: AdminHttpRequest = { method: 'GET', url: '/', headers: {} };
type Mask = AdminCallOptions['mask'];

const hiding = (payload: string, mask: Mask) =>
  hidingValues({ event: { outboxEventId: 'e' }, payload } as EventWithPayloadText, mask, REQUEST);
const without =
  (...names: string[]): Mask =>
  (payload) =>
    Object.fromEntries(Object.entries(payload as object).filter(([name]) => !names.includes(name)));

describe('a line that is shown', () => {
  it('has no value that the mask takes away or replaces', async () => {
    const payload = JSON.stringify({
      card: '4111-1111',
      name: 'Ann (VIP)',
      city: 'Ulm',
      list: ['k1-secret'],
    });
    const hide = await hiding(payload, (seen) => ({
      ...(seen as object),
      card: '****',
      name: 'A.',
      list: [],
    }));
    expect(hide('card 4111-1111 of Ann (VIP) from Ulm by k1-secret')).toBe(
      `card ${HIDDEN} of ${HIDDEN} from Ulm by ${HIDDEN}`,
    );
  });

  it('has none in another case, in JSON, in a URL or as the logger writes objects', async () => {
    const value = 'Tom "T" O\'Neil\n& Söhne';
    const hide = await hiding(JSON.stringify({ name: value }), without('name'));
    const lines = [
      value,
      value.toUpperCase(),
      JSON.stringify({ name: value }),
      `https://a.example/?name=${encodeURIComponent(value)}`,
    ];
    for (const line of lines) {
      expect(hide(line)).toContain(HIDDEN);
      expect(hide(line)).not.toMatch(/neil/i);
    }
  });

  it('has no number with more digits than JavaScript can hold', async () => {
    const hide = await hiding('{"card": 41111111111111111111, "id": 7}', without('card'));
    expect(hide('card 41111111111111111111, id 7')).toBe(`card ${HIDDEN}, id 7`);
  });

  it('keeps longer words and numbers in which a short value stands', async () => {
    const hide = await hiding('{"pin": 17, "sex": "f", "vip": true}', without('pin', 'sex', 'vip'));
    expect(hide('after 1734 ms of 17: fail for f, true')).toBe(
      `after 1734 ms of ${HIDDEN}: fail for ${HIDDEN}, ${HIDDEN}`,
    );
  });

  it('has no key that is a value, and keeps names that code gives', async () => {
    const hide = await hiding('{"phones": {"+49 123": {"isMobile": null}}}', () => ({ phones: {} }));
    expect(hide('isMobile of +49 123')).toBe(`isMobile of ${HIDDEN}`);
  });

  it('has no beginning of a value at which it was cut', async () => {
    const hide = await hiding('{"card": "4111111111111111"}', without('card'));
    expect(hide('the card is 41111111…')).toBe(`the card is ${HIDDEN}…`);
    expect(hide('nothing of it is here…')).toBe('nothing of it is here…');
  });

  it('has no word of a short value that stands alone, and keeps the words of a long text', async () => {
    const payload =
      '{"name": "Ann Berg", "card": "4111-2222-3333-4444", "note": "please leave it with one of the neighbours"}';
    const hide = await hiding(payload, without('name', 'card', 'note'));
    expect(hide('Ann pays by the card ending in 4444')).toBe(
      `${HIDDEN} pays by the card ending in ${HIDDEN}`,
    );
    expect(hide('Dear Ann Berg')).toBe(`Dear ${HIDDEN}`);
    expect(hide('Annual report of Bergen, one of the 44445')).toBe(
      'Annual report of Bergen, one of the 44445',
    );
  });

  it('hides what the mask shows at another place', async () => {
    const hide = await hiding('{"pin": "8642", "order": "8642"}', without('pin'));
    expect(hide('pin 8642')).toBe(`pin ${HIDDEN}`);
  });

  it('hides all values where the mask returns nothing, or something of its own', async () => {
    for (const mask of [() => undefined, () => ({ hidden: true })]) {
      const hide = await hiding('{"a": {"b": "the secret"}}', mask);
      expect(hide('it was the secret')).toBe(`it was ${HIDDEN}`);
    }
  });

  it('is not shown where so many values are hidden that a search would hold up the process', async () => {
    const many = Array.from({ length: 1_001 }, (_, index) => `secret ${index}`);
    const hide = await hiding(JSON.stringify(many), () => []);
    expect(hide('anything')).toBe(TOO_MANY_HIDDEN);
  });

  it('is as it was without a mask, and with one that hides nothing', async () => {
    const payload = '{"card": "4111", "deep": [[[[1]]]]}';
    expect((await hiding(payload, undefined))('card 4111')).toBe('card 4111');
    expect((await hiding(payload, (seen) => seen))('card 4111, 1')).toBe('card 4111, 1');
  });

  it('cannot be had where the mask fails', async () => {
    const failing = () => {
      throw new Error('of the secret');
    };
    await expect(hiding('{"card": "4111"}', failing)).rejects.toThrow(/option mask failed/);
  });

  it('never has a hidden value of four characters or more, whatever stands around it', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.string({ minLength: 4 }),
        fc.string(),
        fc.string(),
        async (secret, before, after) => {
          fc.pre(secret.trim() !== '' && !HIDDEN.includes(secret));
          const hide = await hiding(JSON.stringify({ secret }), without('secret'));
          const shown = hide(before + secret + after).replaceAll(HIDDEN, '\n');
          expect(shown).not.toContain(secret);
        },
      ),
    );
  });
});
