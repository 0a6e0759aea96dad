import { describe, expect, it } from '@jest/globals';
import { hmacScheme } from './schemes/hmac.scheme.js';
import { webhookSource } from './sources/make-source.js';
import { TypeNames } from './type-names.js';
import type { WebhookSource } from './webhook-source.js';

const sourceOf = (more: Partial<WebhookSource> = {}) =>
  webhookSource({
    key: 'shop',
    secrets: 'endpoint',
    verify: hmacScheme({ header: 'X-Sig' }),
    deliveryId: () => undefined,
    type: () => 'x',
    ...more,
  });
const schema = {
  '~standard': { version: 1, vendor: 'own', validate: (value: unknown) => ({ value }) },
} as never;

describe('the types of a source', () => {
  it('are those that it lists, and those of its schemas', () => {
    const source = sourceOf({ types: ['paid'], schemas: { sent: schema } });
    const names = new TypeNames(() => undefined);
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
    const names = new TypeNames((...about) => said.push(about));
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
      ['shop', 'e1', 100],
      ['shop', 'e2', 100],
      ['shop', undefined, 1_000],
    ]);
  });

  it('are counted for a bounded number of endpoints, of which the one that was silent longest is forgotten', () => {
    const names = new TypeNames(() => undefined);
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
