import type { EngineDatabase } from '../database/engine-database.js';
import { DataKeyStore } from './data-key.store.js';
import { DataKeys } from './data-keys.js';
import { SecretStore } from './secret.store.js';
import type { SecretKeys } from './secret-keys.js';

/** The stores of secrets and of their keys. They are made when they are first used. */
export class SecretParts {
  private made: ReturnType<SecretParts['make']> | undefined;

  constructor(
    private readonly database: () => EngineDatabase,
    /** The keys that wrap. */
    readonly wrapping: () => SecretKeys,
  ) {}

  get db(): EngineDatabase {
    return this.all.db;
  }

  get secrets(): SecretStore {
    return this.all.secrets;
  }

  get dataKeys(): DataKeyStore {
    return this.all.dataKeys;
  }

  get keys(): DataKeys {
    return this.all.keys;
  }

  private get all() {
    this.made ??= this.make();
    return this.made;
  }

  private make() {
    const db = this.database();
    const dataKeys = new DataKeyStore(db);
    return { db, dataKeys, secrets: new SecretStore(db), keys: new DataKeys(dataKeys, this.wrapping) };
  }
}
