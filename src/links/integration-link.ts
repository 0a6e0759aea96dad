/** What a link means to its reader. Labels only: nothing is deleted or loaded because of them. */
export type IntegrationLinkType = 'reference' | 'cascade' | 'aggregate_root';

/** One end of a link: an entity of a module. Names at most 127 characters, ids 255. */
export interface IntegrationLinkEnd {
  module: string;
  entityType: string;
  entityId: string;
}

/** A relation to be kept between entities of two modules, without foreign keys. */
export interface CreateIntegrationLinkDto {
  sourceModule: string;
  sourceEntityType: string;
  sourceEntityId: string;
  targetModule: string;
  targetEntityType: string;
  targetEntityId: string;
  linkType: IntegrationLinkType;
  /** A JSON object, at most 64 KiB; default `{}`. */
  metadata?: Record<string, unknown> | undefined;
}

/** A link that is kept. */
export interface IntegrationLink extends CreateIntegrationLinkDto {
  id: string;
  metadata: Record<string, unknown>;
  createdAt: Date;
  updatedAt: Date;
}
