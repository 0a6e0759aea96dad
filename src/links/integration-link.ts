/**
 * What a link means to its reader. The types are labels only: nothing is deleted or loaded because of them.
 */
export type IntegrationLinkType = 'reference' | 'cascade' | 'aggregate_root';

/** One end of a link: an entity of a module. Names have at most 127 characters, ids at most 255. */
export interface IntegrationLinkEnd {
  module: string;
  entityType: string;
  entityId: string;
}

/** A relation between entities of two modules that is to be created. */
export interface CreateIntegrationLinkDto {
  sourceModule: string;
  sourceEntityType: string;
  sourceEntityId: string;
  targetModule: string;
  targetEntityType: string;
  targetEntityId: string;
  linkType: IntegrationLinkType;
  /** A JSON object of at most 64 KiB. The default is `{}`. */
  metadata?: Record<string, unknown> | undefined;
}

/** A stored link. */
export interface IntegrationLink extends CreateIntegrationLinkDto {
  id: string;
  metadata: Record<string, unknown>;
  createdAt: Date;
  updatedAt: Date;
}
