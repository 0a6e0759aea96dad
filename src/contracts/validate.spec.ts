import { runInNewContext } from 'node:vm';
import { describe, expect, it } from '@jest/globals';
import { z } from 'zod';
import { IntegrationError } from '../errors.js';
import type { EventSchema } from './schemas/event-schema.js';
import { validate, validateLater } from './validate.js';

const answering = (answer: (value: unknown) => unknown): EventSchema => ({
  '~standard': { version: 1, vendor: 'test', validate: answer as never },
});
const failing = (error: unknown) => () => {
  throw error;
};
const deep = (): unknown => JSON.parse(`${'['.repeat(50_000)}${']'.repeat(50_000)}`);
const tree: z.ZodType = z.lazy(() => z.array(tree));

describe('a schema', () => {
  it('that answers is believed', async () => {
    expect(await validate(z.object({ a: z.coerce.number() }), { a: '1' })).toEqual({ value: { a: 1 } });
    expect(await validate(z.object({ a: z.number() }), { a: '1' })).toMatchObject({
      issues: [{ path: ['a'] }],
    });
  });

  it.each<[string, EventSchema, RegExp]>([
    ['a TypeError', answering(failing(new TypeError('planted'))), /throw a TypeError$/],
    ['a text', answering(failing('planted')), /throw an error$/],
    ['nothing', answering(failing(undefined)), /throw an error$/],
    ['an error with a strange name', answering(failing(Object.create(null))), /throw an error$/],
    ['later', answering(async () => failing(new Error('planted'))()), /throw a Error$/],
    ['because it is nested too deeply', tree, /nested too deeply/],
    [
      'in a rule of its own',
      z
        .object({})
        .loose()
        .refine((given) => (given as unknown as { lines: unknown[] }).lines.length > 0),
      /throw a TypeError$/,
    ],
  ])('that throws %s says no, without words of what was given', async (_, schema, message) => {
    const given = schema === tree ? deep() : {};
    const verdict = await validate(schema, given);
    expect(verdict.issues).toEqual([{ message: expect.stringMatching(message) }]);
    expect(JSON.stringify(verdict.issues)).not.toContain('planted');
  });

  it.each([
    ['nothing', undefined],
    ['null', null],
    ['a text', 'yes'],
    ['issues that are no list', { issues: 'none' }],
  ])('that answers %s says no', async (_, answer) => {
    expect(
      (
        await validate(
          answering(() => answer),
          {},
        )
      ).issues,
    ).toHaveLength(1);
  });

  it('whose promise is one of another realm is waited for', async () => {
    const promise = runInNewContext('Promise.resolve({ issues: [{ message: "no" }] })');
    expect(
      await validate(
        answering(() => promise),
        {},
      ),
    ).toEqual({ issues: [{ message: 'no' }] });
  });

  it('of this package whose peer is missing is no judgement of the value', async () => {
    const error = new IntegrationError('INTEGRATION_PEER_MISSING', 'Install ajv');
    expect(() => validate(answering(failing(error)), {})).toThrow(error);
    await expect(
      validate(
        answering(() => Promise.reject(error)),
        {},
      ),
    ).rejects.toBe(error);
  });

  it('of zod with a rule that rejects later is heard to its end, and no promise of it is forgotten', async () => {
    const schema = z.object({ fails: z.boolean() }).refine(async ({ fails }) => {
      if (fails) throw new Error('rejected');
      return true;
    });
    expect(await validateLater(schema, { fails: true })).toMatchObject({ issues: [{}] });
    // Publishing asks for an answer at once, until it knows that there is none.
    expect(await validate(schema, { fails: false })).toEqual({ value: { fails: false } });
    expect(await validate(schema, { fails: true })).toMatchObject({ issues: [{}] });
    expect(await validate(schema, { fails: 1 })).toMatchObject({ issues: [{ path: ['fails'] }] });
    // Jest fails a test for a rejection that nobody has handled.
    await new Promise(setImmediate);
  });

  it('that answers at once costs no turn of the event loop', () => {
    expect(validate(z.string(), 'a')).toEqual({ value: 'a' });
  });
});
