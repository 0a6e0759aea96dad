import { Injectable } from '@nestjs/common';
import { cursorText } from '../admin/input/cursor.js';
import type { AdminAddition } from '../admin/routes/admin-sections.js';
import type { Answering } from '../admin/routes/answering.js';
import { type Call, route } from '../admin/routes/route.js';
import { optional, text } from '../rest/field.js';
import { limit, PAGE_SIZE, reason } from '../rest/route.js';
import { FLAG, INTEGER, list, named, object, orNull, pageOf, TEXT, TIME } from '../rest/schema.js';
import { KeyRotation } from './key-rotation.js';
import { SecretLook } from './secret-look.js';
import { secretPlace } from './secret-place.js';

/** So many data keys are wrapped in one request. A KMS takes its time for each of them. */
export const MOST_OF_A_REQUEST = 100;

const tenant = optional(text('The tenant. Leave it out in an application without tenants.', 127));

const Secret = named(
  'Secret',
  object({
    tenantId: TEXT,
    ownerType: TEXT,
    ownerId: TEXT,
    name: TEXT,
    rotatedAt: TIME,
    versions: list(
      object({ version: INTEGER, createdAt: TIME, validUntil: orNull(TIME), keyName: TEXT, readable: FLAG }),
    ),
  }),
);

const SecretKey = named(
  'SecretKey',
  object({ name: TEXT, current: FLAG, dataKeys: INTEGER, secrets: INTEGER }),
);

const ROUTES = {
  list: route({
    method: 'GET',
    path: 'secrets',
    action: 'secrets.read',
    about:
      'Which secrets there are, each with the versions that are kept, the key of each, and whether this process can open it. Nothing of the values.',
    query: {
      limit,
      after: optional(secretPlace),
      tenant: optional(text('Only the secrets of this tenant.', 127)),
    },
    answer: named('SecretPage', pageOf(Secret)),
  }),
  keys: route({
    method: 'GET',
    path: 'keys',
    action: 'secrets.read',
    about: 'The keys that have wrapped data keys of tenants, and the current one, by name.',
    answer: named('SecretKeys', object({ items: list(SecretKey) })),
  }),
  rotate: route({
    method: 'POST',
    path: 'keys/rotate',
    action: 'secrets.rotate',
    about:
      'Wraps data keys with the current key, about a hundred in one request. `left` says how many other keys still wrap. Send it again until it is 0, or until `rewrapped` is.',
    body: { reason },
    answer: named(
      'KeysRotated',
      object({ current: TEXT, rewrapped: INTEGER, unreadable: INTEGER, left: INTEGER }),
    ),
  }),
  reseal: route({
    method: 'POST',
    path: 'keys/reseal',
    action: 'secrets.rotate',
    about: 'Gives a tenant a new data key, and seals all of its secrets with it.',
    body: { tenant, reason },
    answer: named('Resealed', object({ resealed: INTEGER, unreadable: INTEGER })),
  }),
};

/**
 * Of what cannot be opened the answers have the number only. The reasons may hold what a KMS has said, and
 * the doctor and the commands have them.
 */
@Injectable()
export class SecretsHandlers implements Answering<typeof ROUTES, SecretsHandlers> {
  static readonly routes = ROUTES;

  constructor(
    private readonly look: SecretLook,
    private readonly rotation: KeyRotation,
  ) {}

  async list({ query }: Call<typeof ROUTES.list>) {
    const { tenant, limit = PAGE_SIZE, after } = query;
    const { items, next } = await this.look.list(tenant, limit, after);
    return { items, next: next === null ? null : cursorText(next) };
  }

  async keys() {
    const { current, uses } = await this.rotation.list();
    const isUsed = uses.some(({ keyName }) => keyName === current);
    const all = isUsed ? uses : [...uses, { keyName: current, dataKeys: 0, secrets: 0 }];
    const items = all.map(({ keyName: name, dataKeys, secrets }) => ({
      name,
      current: name === current,
      dataKeys,
      secrets,
    }));
    return { items: items.sort((a, b) => (a.name < b.name ? -1 : 1)) };
  }

  async rotate({ author }: Call<typeof ROUTES.rotate>) {
    const { unreadable, ...rotated } = await this.rotation.rotate(author, { most: MOST_OF_A_REQUEST });
    return { ...rotated, unreadable: unreadable.length };
  }

  async reseal({ body, author }: Call<typeof ROUTES.reseal>) {
    const { resealed, unreadable } = await this.rotation.reseal(body.tenant ?? '', author);
    return { resealed, unreadable: unreadable.length };
  }
}

export const secretsAdmin: AdminAddition = { sections: [SecretsHandlers] };
