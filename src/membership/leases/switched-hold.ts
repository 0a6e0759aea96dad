import type { Subscription } from 'rxjs';
import type { IntegrationSettingsService } from '../../settings/integration-settings.service.js';
import type { LeaseHold, LeaseWork } from './lease.js';
import type { LeaseService } from './lease.service.js';

/** Wants a lease while the setting `processor.enabled` is on. */
export class SwitchedHold {
  private hold: LeaseHold | undefined;
  private changing: Promise<void> = Promise.resolve();
  private readonly subscription: Subscription;

  constructor(
    private readonly leases: LeaseService,
    private readonly settings: Pick<IntegrationSettingsService, 'snapshot' | 'changes$'>,
    private readonly leaseName: string,
    private readonly work: LeaseWork,
  ) {
    this.subscription = settings.changes$.subscribe(() => this.follow());
    this.follow();
  }

  /** Follows the setting no more. The engine gives the lease back when the application ends. */
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
