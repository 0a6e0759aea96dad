import { describe, expect, it } from '@jest/globals';
import { z } from 'zod';
import { jsonSchema } from '../../contracts/index.js';
import { fieldOf, jsonOf, type RawWebhookRequest } from './definitions/raw-request.js';
import { judge } from './payload-schema.js';
import { githubSource } from './sources/github.source.js';

const PLANTED = 'Planted.7f3a@example.com';
const CARD = '4111111111111111';

const isLuhn = (text: string) =>
  [...text].reverse().reduce((sum, digit, place) => {
    const twice = Number(digit) * (place % 2 === 0 ? 1 : 2);
    return sum + (twice > 9 ? twice - 9 : twice);
  }, 0) %
    10 ===
  0;

const customer = (email: z.ZodType<string>) => z.object({ customer: z.object({ email }), ref: z.string() });
const BODY = { customer: { email: PLANTED }, ref: 'main' };

async function judged(schema: z.ZodType, body: unknown, redact: string[]): Promise<unknown> {
  const source = githubSource({ secrets: 'secret', redact, schemas: { push: schema } });
  const text = Buffer.from(typeof body === 'string' ? body : JSON.stringify(body));
  return judge(source, 'push', { method: 'POST', url: '', headers: {}, body: text });
}

describe('a field that is redacted', () => {
  it.each<[string, z.ZodType, object]>([
    [
      'under another name',
      customer(z.string()).transform((given) => ({ contact: given.customer.email })),
      { contact: '[redacted]' },
    ],
    [
      'within a text',
      customer(z.string()).transform((given) => ({ to: `Ada <${given.customer.email}>`, ref: given.ref })),
      { to: 'Ada <[redacted]>', ref: 'main' },
    ],
    [
      'under another name, of which the schema wants an address',
      customer(z.email()).transform((given) => ({ contact: given.customer.email, ref: given.ref })),
      { contact: '[redacted]', ref: 'main' },
    ],
    [
      'in parts and in small letters, of an address',
      customer(z.email()).transform(({ customer: { email }, ref }) => ({
        domain: email.split('@')[1],
        small: email.toLowerCase(),
        first: email[0],
        ref,
      })),
      { domain: '[redacted]', small: '[redacted]', first: '[redacted]', ref: 'main' },
    ],
    [
      'in its own place, of an address, beside defaults and conversions',
      customer(z.email()).extend({ size: z.coerce.number().default(3) }),
      { customer: { email: '[redacted]' }, ref: 'main', size: 3 },
    ],
    [
      'by a rule that throws without it',
      customer(z.string().refine((email) => (email.split('@')[1] as string).length > 0)).transform(
        (given) => ({ contact: given.customer.email }),
      ),
      { contact: '[redacted]' },
    ],
    [
      'that is the name of a property',
      customer(z.email()).transform((given) => ({ [given.customer.email]: 1 })),
      {},
    ],
  ])('is not in the output of a schema %s, and makes no delivery invalid', async (_, schema, payload) => {
    const verdict = await judged(schema, BODY, ['customer.email']);
    expect(verdict).toEqual({ payload });
    expect(JSON.stringify(verdict)).not.toMatch(/planted|7f3a|example/i);
  });

  it.each<[string, z.ZodType, unknown, object]>([
    [
      'a number',
      z.number().transform((pin) => ({ a: pin, b: String(pin) })),
      4711,
      { a: '[redacted]', b: '[redacted]' },
    ],
    [
      'a text that becomes a number',
      z.string().transform((pin) => ({ a: Number(pin) })),
      '4711',
      { a: '[redacted]' },
    ],
    ['a truth value', z.boolean().transform((pin) => ({ a: pin })), true, { a: '[redacted]' }],
    [
      'a uuid',
      z.uuid().transform((pin) => ({ a: pin })),
      '0d9f2a52-8a6c-4f43-9c1e-5d7b7f0a9e11',
      { a: '[redacted]' },
    ],
    [
      'a list',
      z.array(z.number()).transform((pin) => ({ a: pin })),
      [4711, 5],
      { a: ['[redacted]', '[redacted]'] },
    ],
    [
      'a number with a checksum',
      z
        .string()
        .refine(isLuhn)
        .transform((pin) => ({ a: `card ${pin}` })),
      CARD,
      { a: '[redacted]' },
    ],
    [
      'a word out of a list',
      z.enum(['gold', 'tin']).transform((pin) => ({ a: pin, b: 'stays' })),
      'gold',
      { a: '[redacted]', b: 'stays' },
    ],
  ])('is not in the output where it is %s', async (_, pin, value, payload) => {
    const schema = z.object({ pin }).transform((given) => given.pin);
    expect(await judged(schema, { pin: value }, ['pin'])).toEqual({ payload });
  });

  it('is in the output of a schema that changes nothing only as a mark, with ajv as well', async () => {
    const schema = jsonSchema({
      type: 'object',
      properties: { pin: { type: 'number' }, size: { type: 'number', default: 1 } },
    }) as unknown as z.ZodType;
    expect(await judged(schema, { pin: 4711, more: 'x' }, ['pin'])).toEqual({
      payload: { pin: '[redacted]', more: 'x', size: 1 },
    });
  });

  it('that is not there leaves the output as it is, and a body that does not fit is still invalid', async () => {
    const schema = z.object({ ref: z.string().transform((ref) => new Date(ref)) });
    const output = { payload: { ref: new Date('2026-01-01') } };
    expect(await judged(schema, { ref: '2026-01-01' }, ['customer.email'])).toEqual(output);
    expect(await judged(schema, { ref: 1, customer: { email: PLANTED } }, ['customer.email'])).toMatchObject({
      violations: [{ path: 'payload.ref' }],
    });
  });
});

it('a body with a byte order mark before it is JSON', async () => {
  const request = { method: 'POST', url: '', headers: {} };
  const json = (text: string): unknown =>
    jsonOf({ ...request, body: Buffer.from(text) } satisfies RawWebhookRequest);
  expect(json('\ufeff{"a":1}')).toEqual({ a: 1 });
  const long = { ...request, body: Buffer.from('\ufeff{"id":12345678901234567891}') };
  expect(fieldOf(long, 'id')).toBe('12345678901234567891');
  expect(json('\ufeff')).toBeUndefined();
  expect(json('\ufeff\ufeff{"a":1}')).toBeUndefined();
});
