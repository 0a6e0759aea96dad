import { describe, expect, it } from '@jest/globals';
import type { WebhookSource } from './definitions/webhook-source.js';
import { hmacScheme } from './schemes/hmac.scheme.js';
import { webhookSource } from './sources/make-source.js';
import { type TypeBeyond, TypeNames } from './type-names.js';

const sourceOf = (more: Partial<WebhookSource> = {}) =>
  webhookSource({
    key: 'shop',
    secrets: 'endpoint',
    verify: hmacScheme({ header: 'X-Sig' }),
    deliveryId: () => undefined,
    type: () => 'x',
    ...more,
  });
const namesOf = (warn: (beyond: TypeBeyond) => void = () => undefined, handled: readonly string[] = []) =>
  new TypeNames((name) => handled.includes(name), warn);
const schema = {
  '~standard': { version: 1, vendor: 'own', validate: (value: unknown) => ({ value }) },
} as never;

describe('the types of a source', () => {
  it('are those that it lists, and those of its schemas', () => {
    const source = sourceOf({ types: ['paid'], schemas: { sent: schema } });
    const names = namesOf();
    expect(['paid', 'sent', 'made up'].map((type) => names.of(source, 'e1', type))).toEqual([
      'paid',
      'sent',
      '_other',
    ]);
    expect(['toString', '__proto__'].map((type) => names.of(source, 'e1', type))).toEqual([
      '_other',
      '_other',
    ]);
  });

  it('are any types up to a limit where it lists none, for each endpoint by itself, and one line says so', () => {
    const said: unknown[] = [];
    const names = namesOf((beyond) => said.push(beyond));
    const source = sourceOf({ schemas: { sent: schema } });
    const taken = (endpointId: string | undefined, many: number) =>
      Array.from({ length: many }, (_, n) => names.of(source, endpointId, `t${n}`)).filter(
        (name) => name !== '_other',
      );
    expect(taken('e1', 1_500)).toHaveLength(100);
    expect(taken('e1', 1_500)).toHaveLength(100);
    expect(names.of(source, 'e1', 'sent')).toBe('sent');
    expect(taken('e2', 100)).toHaveLength(100);
    expect(taken(undefined, 1_500)).toHaveLength(1_000);
    expect(said).toEqual([
      { source: 'shop', endpointId: 'e1', most: 100, type: 't100' },
      { source: 'shop', endpointId: undefined, most: 1_000, type: 't1000' },
    ]);
  });

  it('are beyond the limit and beside the list those as well that a handler names', () => {
    const handled = ['webhook.shop.named', 'webhook.other.t500', 'webhook.shop.*'];
    const names = namesOf(undefined, handled);
    const source = sourceOf();
    for (let n = 0; n < 200; n++) names.of(source, 'e1', `t${n}`);
    expect(['named', 't500'].map((type) => names.of(source, 'e1', type))).toEqual(['named', '_other']);
    const listed = sourceOf({ types: ['paid'] });
    expect(['paid', 'named', 't500'].map((type) => names.of(listed, 'e1', type))).toEqual([
      'paid',
      'named',
      '_other',
    ]);
  });

  it('are counted for a bounded number of endpoints, of which the one that was silent longest is forgotten', () => {
    const names = namesOf();
    const source = sourceOf();
    for (let n = 0; n < 101; n++) names.of(source, 'loud', `t${n}`);
    for (let n = 0; n < 101; n++) names.of(source, 'silent', `t${n}`);
    for (let n = 0; n < 999; n++) {
      names.of(source, `e${n}`, 'x');
      expect(names.of(source, 'loud', 'new')).toBe('_other');
    }
    expect(names.of(source, 'silent', 'new')).toBe('new');
  });

  it('must be a list of texts', () => {
    for (const types of [[''], [1], 'paid'] as never[])
      expect(() => sourceOf({ types })).toThrow(/types must be a list of texts/);
  });
});
