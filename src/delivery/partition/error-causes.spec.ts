import { describe, expect, it } from '@jest/globals';
import { textWithCauses } from './error-causes.js';

describe('the text of an error', () => {
  it('is its class and message, and those of what caused it', () => {
    const refused = Object.assign(new Error('connect ECONNREFUSED 127.0.0.1:9'), { code: 'ECONNREFUSED' });
    const failed = new TypeError('fetch failed', { cause: refused });
    expect(textWithCauses(failed)).toBe('TypeError: fetch failed: connect ECONNREFUSED 127.0.0.1:9');
    expect(textWithCauses(new RangeError('outermost', { cause: failed }))).toBe(
      'RangeError: outermost: TypeError: fetch failed: connect ECONNREFUSED 127.0.0.1:9',
    );
  });

  it('says what Postgres said behind a library that speaks of its own statement', () => {
    class DatabaseError extends Error {
      override readonly name = 'error';
    }
    const cause = new DatabaseError('duplicate key value violates unique constraint "invoice_pkey"');
    expect(textWithCauses(new Error('Failed query: insert into invoice', { cause }))).toBe(
      'Error: Failed query: insert into invoice: error: duplicate key value violates unique constraint "invoice_pkey"',
    );
  });

  it('has the errors that one gathers, and the code of one without a message', () => {
    const gathered = new AggregateError([new Error('::1 refused'), new Error('127.0.0.1 refused')], '');
    expect(textWithCauses(Object.assign(gathered, { code: 'ECONNREFUSED' }))).toBe(
      'AggregateError: ECONNREFUSED: ::1 refused: 127.0.0.1 refused',
    );
  });

  it('ends where causes go in a circle, are no errors, repeat each other, or cannot be looked at', () => {
    const circle = new Error('circle');
    circle.cause = new Error('within', { cause: circle });
    expect(textWithCauses(circle)).toBe('Error: circle: within');
    expect(textWithCauses(new Error('secret', { cause: { password: 'p' } }))).toBe('Error: secret');
    expect(textWithCauses(new Error('x: y', { cause: new Error('y') }))).toBe('Error: x: y');
    const hidden = new Error('hidden');
    Object.defineProperty(hidden, 'cause', {
      get: () => {
        throw new Error('no');
      },
    });
    expect(textWithCauses(hidden)).toBe('Error: hidden');
    expect(textWithCauses('a string')).toBe('a string');
    expect(textWithCauses(undefined)).toBe('undefined');
  });
});
