/** The rules of renewing, fencing and taking a lease as data; each has a wrong turn that a mutant takes. */

export interface RenewalRules {
  /** How a save holds the row of a named lease. A renewal does not wait for FOR KEY SHARE. */
  readonly fence: 'for key share' | 'for share' | 'no lock';
  /** A taking locks and changes the key of a named lease: its name and token. */
  readonly takingChangesKey: boolean;
  /** The save of a cursor renews its lease with its commit. */
  readonly savesRenew: boolean;
  /** From what the owner concludes for how long it may go on. */
  readonly ownerLearns: 'from its beats' | 'from renewals alone' | 'from the answers of its saves';
  /** The server ends the transaction of a save that is idle for longer than a lease. */
  readonly idleLimit: boolean;
}

export const renewalRules: RenewalRules = {
  fence: 'for key share',
  takingChangesKey: true,
  savesRenew: true,
  ownerLearns: 'from its beats',
  idleLimit: true,
};

export interface RenewalSetup {
  /** Saves of a cursor change the row of its lease. Saves under a named lease lock it. */
  readonly lease: 'of a cursor' | 'of a name';
}
