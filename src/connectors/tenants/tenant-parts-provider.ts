import type { TenantParts } from './tenant-parts.js';

/** Gives the services what they work with, when the application has booted. */
export abstract class TenantPartsProvider {
  abstract readonly parts: TenantParts;
}
