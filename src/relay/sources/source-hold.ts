import type { Subscription } from 'rxjs';
import type { Lease, LeaseHold } from '../../membership/leases/lease.js';
import type { LeaseService } from '../../membership/leases/lease.service.js';
import type { IntegrationSettingsService } from '../../settings/integration-settings.service.js';

/** Wants the lease of a source while the setting `processor.enabled` is on. */
export class SourceHold {
  private hold: LeaseHold | undefined;
  private changing: Promise<void> = Promise.resolve();
  private readonly subscription: Subscription;

  constructor(
    private readonly leases: LeaseService,
    private readonly settings: IntegrationSettingsService,
    private readonly leaseName: string,
    private readonly work: (lease: Lease) => Promise<void>,
  ) {
    this.subscription = settings.changes$.subscribe(() => this.follow());
    this.follow();
  }

  stop(): void {
    this.subscription.unsubscribe();
  }

  /** A name can be wanted again only when it is released, so changes follow each other. */
  private follow(): void {
    this.changing = this.changing
      .then(async () => {
        const isOn = this.settings.snapshot()['processor.enabled'];
        if (isOn) this.hold ??= this.leases.hold(this.leaseName, this.work);
        else {
          await this.hold?.release();
          this.hold = undefined;
        }
      })
      // The only failure is that the application is closing, and then nothing is wanted.
      .catch(() => {});
  }
}
