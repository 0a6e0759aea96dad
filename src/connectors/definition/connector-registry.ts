import { Injectable } from '@nestjs/common';
import { checkNames } from '../../words/argument-checks.js';
import { suggestionFor } from '../../words/known-names.js';
import { connectorOf } from './connector.decorator.js';
import type { ConnectorCapability, ConnectorView, FoundConnector } from './connector.js';
import { unknownConnector } from './connector-errors.js';
import { viewOf } from './connector-view.js';
import type { Variables } from './environment.js';

/** Chooses connectors. A connector must match every given field. */
export interface ConnectorFilter {
  category?: string | undefined;
  capability?: ConnectorCapability | undefined;
  tag?: string | undefined;
}

/** The connectors of this application. They are found when it boots. */
@Injectable()
export class ConnectorRegistry {
  private found: ReadonlyMap<string, FoundConnector> = new Map();
  private values: Variables = new Map();

  /** For the boot. */
  fill(found: ReadonlyMap<string, FoundConnector>, values: Variables): void {
    this.found = found;
    this.values = values;
  }

  /** The connectors, by their keys. */
  list(filter: ConnectorFilter = {}): ConnectorView[] {
    checkNames('a field of a filter', filter, ['category', 'capability', 'tag']);
    const { category, capability, tag } = filter;
    return [...this.found.values()]
      .map(viewOf)
      .filter(
        (each) =>
          (category === undefined || each.category === category) &&
          (capability === undefined || each.capabilities.includes(capability)) &&
          (tag === undefined || each.tags.includes(tag)),
      )
      .sort((a, b) => (a.key < b.key ? -1 : 1));
  }

  /**
   * One connector, by its key or its class.
   *
   * @throws IntegrationError INTEGRATION_CONNECTOR_UNKNOWN, with the nearest key
   */
  get(connector: unknown): ConnectorView {
    return viewOf(this.of(connector));
  }

  /** The same with its methods, for the engine. */
  of(connector: unknown): FoundConnector {
    const key = typeof connector === 'string' ? connector : connectorOf(connector)?.key;
    const found = key === undefined ? undefined : this.found.get(key);
    if (found !== undefined) return found;
    const said = key ?? (typeof connector === 'function' ? connector.name : typeof connector);
    throw unknownConnector(said, suggestionFor(said, [...this.found.keys()]));
  }

  /** Whether this process has the connector, for the engine. */
  has(key: string): boolean {
    return this.found.has(key);
  }

  /** The variables that had values at the boot. */
  get variables(): Variables {
    return this.values;
  }

  get all(): readonly FoundConnector[] {
    return [...this.found.values()];
  }
}
