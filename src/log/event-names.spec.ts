import { describe, expect, it } from '@jest/globals';
import { EventNames } from './event-names.js';

describe('event names', () => {
  it.each<[string[], string, boolean]>([
    [['invoice.created'], 'invoice.created', true],
    [['invoice.created'], 'invoice.created.late', false],
    [['invoice.*'], 'invoice.created', true],
    [['invoice.*'], 'invoices', false],
    [['order.placed', 'invoice.*'], 'order.placed', true],
    [['*'], 'anything', true],
    [[], 'anything', false],
    // The star is a wildcard only at the end of a name.
    [['in*voice'], 'in-voice', false],
  ])('%j include %s: %s', (list, name, included) => {
    const names = new EventNames(list);
    expect([names.match(name), names.match(name)]).toEqual([included, included]);
  });

  it('are still right when there were more different ones than it remembers', () => {
    const names = new EventNames(['order.*']);
    for (let n = 0; n < 25_000; n++)
      expect(names.match(n % 2 ? `order.${n}` : `invoice.${n}`)).toBe(n % 2 === 1);
  });
});
