/*
 * Keys are changed while everything runs. Why every secret can be read at every moment:
 *
 * - A statement that reads a secret joins it with its data key. So it sees a row and the key of that row as
 *   they were at one moment, whatever is changed meanwhile.
 * - `rotate` gives a data key new wrapping in one UPDATE: name and bytes change together. A process that
 *   reads before needs the old key, and one that reads after needs the new one. So both keys are given to all
 *   processes first, and the old key is taken away only when `list` shows that it wraps nothing.
 * - `reseal` first puts a new data key in the place of the old one, which is kept as retired. Whoever seals
 *   holds the row of the key FOR SHARE, and asks that it is not retired. So what was sealed with the old key
 *   is committed before the key is retired, and the loop below finds it. Each secret changes its key and its
 *   bytes in one UPDATE, if its bytes are still those that were opened. The retired key is deleted when no
 *   secret refers to it. The foreign key refuses a secret that would refer to a deleted key.
 *
 * A row that cannot be opened is passed over and named, and the others go on.
 */
import { AuditStore } from '../audit/audit.store.js';
import { type Author, authorOf, type ChangeAuthor } from '../audit/change-author.js';
import { type IntegrationError, messageOf } from '../errors.js';
import { checkText } from '../words/argument-checks.js';
import { FIRST_UUID } from '../words/text.js';
import type { DataKeyRow, KeyUse } from './data-key.store.js';
import { openSecret, sealSecret } from './sealed-secret.js';
import type { SecretParts } from './secret-parts.js';

const PAGE = 100;

export interface KeyList {
  /** The name of the key that wraps from now on. */
  readonly current: string;
  /** The keys that have wrapped something, by name. A key that is not here can be taken away. */
  readonly uses: readonly KeyUse[];
}

export interface KeysRotated {
  readonly current: string;
  readonly rewrapped: number;
  /** Data keys that could not be unwrapped, one sentence each. */
  readonly unreadable: readonly string[];
  /** How many data keys other keys still wrap, those that could not be unwrapped among them. */
  readonly left: number;
}

export interface Resealed {
  readonly resealed: number;
  /** Secrets that could not be opened, one sentence each. Their old key is kept. */
  readonly unreadable: readonly string[];
}

/** How many data keys are still wrapped by other keys than the current one. */
export function dataKeysLeft({ current, uses }: KeyList): number {
  return uses.reduce((sum, { keyName, dataKeys }) => (keyName === current ? sum : sum + dataKeys), 0);
}

interface WrappedAnew {
  readonly row: DataKeyRow;
  readonly wrapped: string;
  readonly keyName: string;
}

/** Changes keys while everything runs. */
export class KeyRotation {
  constructor(private readonly parts: SecretParts) {}

  async list(): Promise<KeyList> {
    return { current: this.parts.wrapping().current, uses: await this.parts.dataKeys.uses() };
  }

  /**
   * Wraps all data keys with the current key. It can be repeated, and continues where it was ended. Each
   * transaction that changes some of them is noted in the audit.
   *
   * @param options `most`: once this number of data keys is wrapped, no further portion of 100 is begun
   */
  async rotate(
    author: ChangeAuthor = {},
    { most = Number.POSITIVE_INFINITY }: { readonly most?: number | undefined } = {},
  ): Promise<KeysRotated> {
    const { current } = this.parts.wrapping();
    const by = authorOf(author);
    const unreadable: string[] = [];
    let rewrapped = 0;
    const pages = pagesOf(
      (after) => this.parts.dataKeys.wrappedByOthers(current, after, PAGE),
      ({ dataKeyId }) => dataKeyId,
    );
    for await (const rows of pages) {
      const wrapped: WrappedAnew[] = [];
      for (const row of rows) {
        try {
          const key = await this.parts.keys.unwrapAnew(row);
          wrapped.push({ row, ...(await this.parts.keys.wrap(row, key)) });
        } catch (error) {
          const of = `tenant ${JSON.stringify(row.tenantId)} (data key ${row.dataKeyId})`;
          unreadable.push(`The data key of ${of}, wrapped by "${row.keyName}": ${messageOf(error)}`);
        }
      }
      rewrapped += await this.saveWrapped(wrapped, by);
      if (rewrapped >= most) break;
    }
    return { current, rewrapped, unreadable, left: dataKeysLeft(await this.list()) };
  }

  private saveWrapped(wrapped: readonly WrappedAnew[], by: Author): Promise<number> {
    const { db, dataKeys } = this.parts;
    return db.transaction(async (session) => {
      let affected = 0;
      for (const { row, wrapped: bytes, keyName } of wrapped)
        if (await dataKeys.rewrap(session, row, bytes, keyName)) affected++;
      const before = [...new Set(wrapped.map(({ row }) => row.keyName))];
      const change = { action: 'keys.rotate', before, after: wrapped[0]?.keyName, affected };
      if (affected > 0)
        await new AuditStore(db).add(session, by, { ...change, target: `key/${wrapped[0]?.keyName}` });
      return affected;
    });
  }

  /**
   * Gives a tenant a new data key, and seals all of its secrets with it. For a data key that has leaked. The
   * audit has the change of the key.
   */
  async reseal(tenantId: string, author: ChangeAuthor = {}): Promise<Resealed> {
    checkText('tenantId', tenantId, 127);
    const by = authorOf(author);
    const { db, dataKeys, secrets, keys } = this.parts;
    const { row: made, key } = await keys.make(tenantId);
    const { dataKeyId } = made;
    await db.transaction(async (session) => {
      const before = await dataKeys.replace(session, made);
      const change = { action: 'keys.reseal', target: `tenant/${tenantId}` };
      await new AuditStore(db).add(session, by, { ...change, before, after: dataKeyId });
    });
    const unreadable: string[] = [];
    let resealed = 0;
    const pages = pagesOf(
      (after) => secrets.sealedByRetired(tenantId, after, PAGE),
      ({ id }) => id,
    );
    for await (const rows of pages) {
      for (const row of rows) {
        const value = await openSecret(row, keys).catch((error: IntegrationError) => {
          unreadable.push(error.message);
        });
        if (value === undefined) continue;
        const sealed = sealSecret({ ...row, dataKeyId }, { dataKeyId, key }, value);
        // Each row has a transaction of its own: who stores a version locks several, in another order.
        const isDone = await db.transaction((session) => secrets.reseal(session, row, dataKeyId, sealed));
        if (isDone) resealed++;
      }
    }
    await db.transaction((session) => dataKeys.deleteUnused(session, tenantId));
    return { resealed, unreadable };
  }

  /** How many versions of secrets `reseal` would seal again. */
  async secretsOf(tenantId: string): Promise<number> {
    checkText('tenantId', tenantId, 127);
    return this.parts.dataKeys.secretsOf(tenantId);
  }

  async hasSecrets(): Promise<boolean> {
    return (await this.parts.secrets.page(FIRST_UUID, 1)).length > 0;
  }

  /** Looks at up to `most` secrets and returns what is wrong with each that cannot be opened. */
  async examine(most: number): Promise<IntegrationError[]> {
    const found: IntegrationError[] = [];
    let looked = 0;
    const pages = pagesOf(
      (after) => this.parts.secrets.page(after, PAGE),
      ({ id }) => id,
    );
    for await (const rows of pages) {
      for (const row of rows) await openSecret(row, this.parts.keys).catch((error) => found.push(error));
      looked += rows.length;
      if (looked >= most) break;
    }
    return found;
  }
}

/** Reads rows in pages, each behind the id of the row before it, until a page is not full. */
async function* pagesOf<Row>(
  read: (after: string) => Promise<Row[]>,
  idOf: (row: Row) => string,
): AsyncGenerator<Row[]> {
  let after = FIRST_UUID;
  for (;;) {
    const rows = await read(after);
    yield rows;
    const last = rows.at(-1);
    if (last === undefined || rows.length < PAGE) return;
    after = idOf(last);
  }
}
