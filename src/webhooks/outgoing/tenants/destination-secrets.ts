import { AUTHOR_FIELDS, authorOf } from '../../../audit/change-author.js';
import { sealingTransaction } from '../../../secrets/sealing-transaction.js';
import { checkOverlap } from '../../../secrets/secret-checks.js';
import { checkNames } from '../../../words/argument-checks.js';
import { isUuid } from '../../../words/text.js';
import type {
  DestinationWithSecret,
  RotateDestinationSecret,
  WebhookDestinationDetails,
} from '../destinations/destination.js';
import { DestinationStore, ownerOf, signingSecretOf } from '../destinations/destination.store.js';
import type { OutgoingEngine } from '../outgoing-engine.js';
import { publicKeyOf, type SigningSecret, signingSecretFor } from '../sending/signing-secrets.js';
import { noteChange } from './noted-change.js';
import { unknownDestination } from './unknown-destination.js';

const HOUR_MS = 3_600_000;

/** What the secrets of destinations need. A command has it without an application. */
export type EngineOfSecrets = Pick<OutgoingEngine, 'admin' | 'secrets' | 'secretService' | 'settings'>;

/** The secrets of the destinations of one tenant. */
export class DestinationSecrets {
  private readonly store: DestinationStore;

  constructor(
    private readonly tenantId: string,
    private readonly engine: EngineOfSecrets,
  ) {
    this.store = new DestinationStore(engine.admin);
  }

  /** The destination, with what is known of its secrets. */
  async details(id: string): Promise<WebhookDestinationDetails> {
    const row = isUuid(id) ? await this.store.find(this.tenantId, id) : undefined;
    if (row === undefined) throw unknownDestination(id);
    return { ...row, secrets: await this.engine.secretService.list(ownerOf(row)) };
  }

  /** As `TenantDestinations.rotateSecret`. */
  async rotate(id: string, given: RotateDestinationSecret): Promise<DestinationWithSecret> {
    checkNames('an option of rotateSecret', given, ['secret', 'overlapMs', ...AUTHOR_FIELDS]);
    const { admin, secrets, settings } = this.engine;
    const { overlapMs = settings.secretOverlapHours * HOUR_MS } = given;
    checkOverlap(overlapMs);
    const author = authorOf(given);
    const { signing } = await this.details(id);
    const secret = signingSecretFor(signing, given.secret);
    await sealingTransaction(secrets, admin, async (session, add) => {
      const row = await this.store.lock(session, this.tenantId, id);
      if (row === undefined) throw unknownDestination(id);
      const version = await add(signingSecretOf(row), secret.value, overlapMs);
      await noteChange(admin, session, author, 'rotate-secret', row.id, { after: { version, overlapMs } });
    });
    return this.shown(id, secret);
  }

  /** The destination with a secret that is new. Nobody else shows it, and it is shown this once. */
  async shown(id: string, { value, isNew }: SigningSecret): Promise<DestinationWithSecret> {
    const destination = await this.details(id);
    const isShared = destination.signing === 'v1';
    return {
      destination,
      secret: isShared && isNew ? value : null,
      publicKey: isShared ? null : publicKeyOf(value),
    };
  }
}
