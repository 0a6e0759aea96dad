import type { ConnectorCapability, ConnectorView, FoundConnector } from './connector.js';
import { hasTokenEndpoint, needsConsent } from './connector-auth.js';

/** A connector, as people see it. */
export function viewOf(connector: FoundConnector): ConnectorView {
  const { key, name, version, category, direction, tags = [], branding = {}, description } = connector;
  return {
    key,
    name,
    version,
    category,
    direction,
    tags: [...tags],
    branding: { ...branding },
    description: description ?? null,
    auth: connector.auth.mode,
    capabilities: capabilitiesOf(connector),
    actions: [...connector.actions.keys()],
    syncs: [...connector.syncs.keys()],
    webhooks: connector.webhooks.map(({ source, types, subscribe }) => ({
      source: source.key,
      types: Object.fromEntries(Object.entries(types).map(([type, { label }]) => [type, { label }])),
      subscribes: subscribe !== undefined,
    })),
    scopes: scopesOf(connector),
  };
}

/** What follows from the decorators, and from the mode of `auth`. */
export function capabilitiesOf({
  actions,
  syncs,
  webhooks,
  health,
  validator,
  auth,
}: FoundConnector): ConnectorCapability[] {
  return [
    ...(actions.size > 0 ? ['actions' as const] : []),
    ...(syncs.size > 0 ? ['syncs' as const] : []),
    ...(webhooks.length > 0 ? ['webhooks' as const] : []),
    ...(health === undefined ? [] : ['health' as const]),
    ...(validator === undefined ? [] : ['validation' as const]),
    ...(needsConsent(auth) ? ['authorization' as const] : []),
  ];
}

/** The scopes of `auth`, and those of the actions, each once. */
export function scopesOf({ auth, actions }: FoundConnector): string[] {
  if (!hasTokenEndpoint(auth)) return [];
  const ofMode = auth.mode === 'oidc' ? ['openid'] : [];
  const ofActions = [...actions.values()].flatMap(({ scopes = [] }) => scopes);
  return [...new Set([...ofMode, ...(auth.options.scopes ?? []), ...ofActions])];
}
