import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { CAUSE_LENGTH } from '../../inbox/failed-attempt.js';
import { normalizedMessage } from '../../words/normalized-message.js';
import { errorFingerprint } from './error-fingerprint.js';
import { storableWithin } from './storable-text.js';

const ONE_MEGABYTE = 1_000_000;
/**
 * Far beyond what it takes, and far below what a pattern takes that reads the rest of the text from each
 * place.
 */
const BOUNDED_MS = 2_000;

/** What differs between two failures of one kind. */
const changing = fc.oneof(
  fc.nat().map(String),
  fc.double({ noNaN: true, noDefaultInfinity: true }).map(String),
  fc.uuid(),
  fc.stringMatching(/^[0-9a-f]{15,40}$/).map((hex) => `${hex}0`),
  fc.stringMatching(/^[a-z]{1,10}\.[a-z0-9]{1,10}$/).map((name) => `${name}@example.org`),
  // An apostrophe may end a quoted address, so it ends one.
  fc.webUrl({ withQueryParameters: true }).map((url) => url.replaceAll("'", '')),
  fc.stringMatching(/^[^"]{0,20}$/).map((text) => `"${text}"`),
  fc.stringMatching(/^[^']{0,20}$/).map((text) => `'${text}'`),
  fc.date({ noInvalidDate: true, min: new Date(0), max: new Date('2100') }).map((date) => date.toISOString()),
);
const words = fc.array(fc.stringMatching(/^[g-z]{2,9}$/), { minLength: 1, maxLength: 5 });

function thrownAt(stack: string, message = 'no'): Error {
  return Object.assign(new Error(message), { stack: `Error: ${message}\n${stack}` });
}

describe('the fingerprint of an error', () => {
  it('is the same whatever numbers, ids, addresses and quoted texts its message has', () => {
    fc.assert(
      fc.property(words, words, changing, changing, (before, after, one, other) => {
        const message = (between: string) => `${before.join(' ')} ${between} ${after.join(' ')}`;
        expect(normalizedMessage(message(one))).toBe(normalizedMessage(message(other)));
      }),
    );
  });

  it('is another one for other words, another class, another value thrown', () => {
    fc.assert(
      fc.property(words, words, (one, other) => {
        fc.pre(one.join(' ') !== other.join(' '));
        expect(normalizedMessage(one.join(' '))).not.toBe(normalizedMessage(other.join(' ')));
      }),
    );
    class Declined extends Error {}
    const kinds = [new Error('no'), new TypeError('no'), new Declined('no'), 'no', undefined, 7, null];
    const prints = kinds.map((each) => {
      if (each instanceof Error) each.stack = `${each.name}: no`;
      return errorFingerprint(each);
    });
    expect(new Set(prints).size).toBe(kinds.length);
    for (const print of prints) expect(print).toMatch(/^[0-9a-f]{32}$/);
  });

  it.each([
    ['invoice 17 is 3.5 % too high', 'invoice 4 is 12 % too high'],
    ['connect ECONNREFUSED 10.0.0.1:5432', 'connect ECONNREFUSED 10.0.0.27:6432'],
    ['duplicate key value (id)=(cus_9s6XKzkNRiz8i3)', 'duplicate key value (id)=(cus_4fdAW5ftNQow1a)'],
    ['no rows for 1, 2, 3', 'no rows for 9'],
    ['at 2026-11-25T10:00:00.123Z', 'at 2027-01-01T00:00:00.000Z'],
    ["user's basket 7 isn't there", "user's basket 88 isn't there"],
    ['timeout of 5000ms', 'timeout of 12ms'],
    ['0xdeadbeef at offset 0x10', '0xc0ffee at offset 0xff'],
  ])('takes %j and %j for one kind', (one, other) => {
    expect(normalizedMessage(one)).toBe(normalizedMessage(other));
  });

  it("keeps words apart that have an apostrophe: user's basket and user's address", () => {
    expect(normalizedMessage("user's basket isn't there")).not.toBe(
      normalizedMessage("user's address isn't there"),
    );
  });

  it('has the first frame that is neither of Node, nor of a package, nor of this one', () => {
    const own = 'at Invoices.send (file:///app/dist/invoices/invoices.service.js:10:5)';
    const frames = [
      'at async Promise.all (index 0)',
      'at Socket.emit (node:events:517:28)',
      'at read (/app/node_modules/pg/lib/client.js:1:1)',
      own,
      'at handle (file:///app/dist/other/handler.js:1:1)',
    ].map((line) => `    ${line}`);
    const print = errorFingerprint(thrownAt(frames.join('\n')));
    expect(errorFingerprint(thrownAt(`    ${own}`))).toBe(print);
    const moved = own.replace('/app/', '/srv/release-7/').replace(':10:5', ':99:1');
    expect(errorFingerprint(thrownAt(`    ${moved}`))).toBe(print);
    expect(errorFingerprint(thrownAt(`    ${own.replace('send', 'store')}`))).not.toBe(print);
    expect(errorFingerprint(thrownAt(frames.slice(0, 3).join('\n')))).not.toBe(print);
  });

  it('begins in the same way for one class and message thrown in several files, and in another for others', () => {
    const at = (file: string, message: string) =>
      errorFingerprint(thrownAt(`    at send (file:///app/dist/${file}.js:1:1)`, message));
    const [billing, mail] = ['billing', 'mail'].map((file) => at(file, 'connect ECONNREFUSED 10.0.0.1:1'));
    expect(billing).not.toBe(mail);
    expect(billing?.slice(0, CAUSE_LENGTH)).toBe(mail?.slice(0, CAUSE_LENGTH));
    expect(at('mail', 'no such customer').slice(0, CAUSE_LENGTH)).not.toBe(mail?.slice(0, CAUSE_LENGTH));
    expect(at('mail', 'no such customer').slice(CAUSE_LENGTH)).toBe(mail?.slice(CAUSE_LENGTH));
  });

  it('does not take a message that looks like frames for the stack', () => {
    const frame = '    at Invoices.send (file:///app/dist/invoices.service.js:10:5)';
    const message = (line: number) => `no\n    at made.up (/app/made-up.js:${line}:1)`;
    expect(errorFingerprint(thrownAt(frame, message(1)))).toBe(errorFingerprint(thrownAt(frame, message(2))));
  });

  it.each([
    ['letters', 'x'],
    ['digits', '7'],
    ['hexadecimal digits', 'f0'],
    ['quotes', '"'],
    ['single quotes', " '"],
    ['at signs', 'a@'],
    ['beginnings of a URL', 'ab:'],
    ['spaces', ' '],
    ['dashes', '00000000-'],
    ['marks', '1,'],
    ['frames', '\n    at a (b:1:1)'],
  ])('of a message of one megabyte of %s is there in a bounded time', (_, piece) => {
    const message = piece.repeat(ONE_MEGABYTE / piece.length);
    const began = performance.now();
    errorFingerprint(new Error(message));
    errorFingerprint(message);
    expect(performance.now() - began).toBeLessThan(BOUNDED_MS);
  });

  it('is there for what cannot be looked at', () => {
    const hidden = new Error('x');
    for (const name of ['stack', 'name', 'message', 'constructor']) {
      Object.defineProperty(hidden, name, {
        get: () => {
          throw new Error('no');
        },
      });
    }
    expect(errorFingerprint(hidden)).toMatch(/^[0-9a-f]{32}$/);
    expect(errorFingerprint(Object.create(null))).toMatch(/^[0-9a-f]{32}$/);
  });
});

describe('a text that is cut by bytes', () => {
  it('fits, can be stored, and is the beginning of the text', () => {
    fc.assert(
      fc.property(
        fc.string({ unit: 'binary', maxLength: 200 }),
        fc.integer({ min: 1, max: 300 }),
        (text, bytes) => {
          const cut = storableWithin(bytes, text);
          expect(Buffer.byteLength(cut)).toBeLessThanOrEqual(bytes);
          expect(cut).not.toMatch(/\p{Surrogate}|\0/u);
          const clean = text.replace(/\p{Surrogate}|\0/gu, '\uFFFD');
          // The last character may be the half of one that did not fit.
          expect(clean.startsWith(cut.replace(/\uFFFD$/, ''))).toBe(true);
          if (Buffer.byteLength(clean) <= bytes) expect(cut).toBe(clean);
        },
      ),
    );
  });
});
