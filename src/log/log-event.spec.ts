import { describe, expect, it } from '@jest/globals';
import { logEventAt } from '../../test/support/log-event-at.js';

const PAYLOAD = { lines: [{ sku: 'a' }, { sku: 'b' }], note: null };

const anEvent = (payload: unknown) => logEventAt(1, 'a', undefined, JSON.stringify(payload));

describe('the payload of an event', () => {
  it.each([0, 1, 2, 3])(
    'is for each handler an object of its own, also where %i share it and more ask',
    (takers) => {
      const event = anEvent(PAYLOAD);
      event.share(takers);
      const taken = Array.from({ length: 5 }, () => event.takePayload() as typeof PAYLOAD);
      for (const payload of taken) {
        expect(payload).toEqual(PAYLOAD);
        payload.lines.pop();
        payload.note = 'changed' as never;
      }
      expect(new Set(taken.map(({ lines }) => lines)).size).toBe(5);
      expect(event.takePayload()).toEqual(PAYLOAD);
    },
  );

  it('is the text for whoever asks for that, and stays an object of its own for the others', () => {
    const event = anEvent(PAYLOAD);
    event.share(3);
    const [first, text, last] = [event.takePayload(), event.takePayloadText(), event.takePayload()];
    expect(text).toBe(JSON.stringify(PAYLOAD));
    expect([first, last]).toEqual([PAYLOAD, PAYLOAD]);
    expect(first).not.toBe(last);
  });

  it('may be null', () => {
    const event = anEvent(null);
    event.share(2);
    expect([event.takePayload(), event.takePayload(), event.takePayload()]).toEqual([null, null, null]);
  });
});
