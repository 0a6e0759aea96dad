import { randomBytes, randomUUID } from 'node:crypto';
import type { EngineSession } from '../database/sql/engine-session.js';
import { LatestEntries } from '../words/latest-entries.js';
import type { DataKeyRow, DataKeyStore } from './data-key.store.js';
import { KEY_BYTES, type SealedAs } from './sealing.js';
import type { SecretKeys } from './secret-keys.js';

/** How many unwrapped keys a process remembers. The one that was used longest ago is forgotten first. */
const MOST_REMEMBERED = 1_000;

/** A data key that can seal. */
export interface DataKey {
  readonly dataKeyId: string;
  readonly key: Buffer;
}

/** The tenant was erased while its key was made. The transaction is rolled back and made again. */
export class KeyErased extends Error {
  override readonly name = 'KeyErased';
}

/**
 * Unwraps the data keys of tenants, and makes them. The unwrapped keys are only in memory. A key never
 * changes under its id, so what is remembered stays right whatever other processes do to the rows.
 */
export class DataKeys {
  private readonly remembered = new LatestEntries<string, Buffer>(MOST_REMEMBERED);

  constructor(
    private readonly store: DataKeyStore,
    private readonly keys: () => SecretKeys,
  ) {}

  /** The key that seals for a tenant now, held as `DataKeyStore.active` says. It is made if there is none. */
  async activeOf(session: EngineSession, tenantId: string): Promise<DataKey> {
    let row = await this.store.active(session, tenantId);
    if (row === undefined) {
      await this.store.add(session, (await this.make(tenantId)).row);
      row = await this.store.active(session, tenantId);
    }
    if (row === undefined) throw new KeyErased();
    return { dataKeyId: row.dataKeyId, key: await this.unwrap(row) };
  }

  /** Makes a key that is not stored yet. */
  async make(tenantId: string): Promise<{ readonly row: DataKeyRow; readonly key: Buffer }> {
    const keys = this.keys();
    const dataKeyId = randomUUID();
    const key = randomBytes(KEY_BYTES);
    const wrapped = textOf(await keys.wrap(key, wrappedAs({ dataKeyId, tenantId })));
    return { row: { dataKeyId, tenantId, wrapped, keyName: keys.current }, key };
  }

  /** Rejects if the key that has wrapped it is missing, or if the row was changed. */
  async unwrap(row: DataKeyRow): Promise<Buffer> {
    const { dataKeyId } = row;
    const known = this.remembered.get(dataKeyId);
    const key = known ?? (await this.unwrapAnew(row));
    this.remembered.set(dataKeyId, key);
    return key;
  }

  /** Does the same without what is remembered, so that the row is known to be in order. */
  async unwrapAnew(row: DataKeyRow): Promise<Buffer> {
    const wrapped = Buffer.from(row.wrapped, 'base64');
    return Buffer.from(await this.keys().unwrap(row.keyName, wrapped, wrappedAs(row)));
  }

  /** Wraps a key with the current key. */
  async wrap(row: DataKeyRow, key: Buffer): Promise<{ readonly wrapped: string; readonly keyName: string }> {
    const keys = this.keys();
    return { wrapped: textOf(await keys.wrap(key, wrappedAs(row))), keyName: keys.current };
  }
}

function wrappedAs({ dataKeyId, tenantId }: Pick<DataKeyRow, 'dataKeyId' | 'tenantId'>): SealedAs {
  return ['integration_data_key', dataKeyId, tenantId];
}

function textOf(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('base64');
}
