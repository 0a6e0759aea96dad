import { to } from '../router/router.ts';
import { Foreign, NameLink } from './text.tsx';

export const eventHref = (id: string): string => to(['events', id]);
export const entityHref = (type: string, id: string, module?: string): string =>
  to(['entities', type, id], { module });
export const eventJourneyHref = (id: string): string => to(['events', id, 'journey']);
export const entityJourneyHref = (type: string, id: string): string => to(['entities', type, id, 'journey']);
export const consumerHref = (name: string): string => to(['consumers', name]);
export const operationHref = (id: string): string => to(['operations', id]);
export const groupHref = (consumer: string, fingerprint: string | null): string =>
  to(['dead-letters', consumer, fingerprint ?? 'none']);

export function EntityLink({ type, id, module }: { type: string; id: string; module?: string }) {
  return <NameLink href={entityHref(type, id, module)}>{`${type}/${id}`}</NameLink>;
}

export function ConsumerLink({ name }: { name: string }) {
  return <NameLink href={consumerHref(name)}>{name}</NameLink>;
}

/** A link to what the audit names: `consumer/billing`. */
export function TargetLink({ target }: { target: string | null }) {
  if (target === null) return <span class="muted">–</span>;
  const at = target.indexOf('/');
  const [kind, rest] = at < 0 ? [target, ''] : [target.slice(0, at), target.slice(at + 1)];
  const href = hrefOf(kind, rest);
  return href === undefined ? <Foreign>{target}</Foreign> : <NameLink href={href}>{target}</NameLink>;
}

function hrefOf(kind: string, rest: string): string | undefined {
  if (rest === '') return kind === 'settings' ? to(['settings']) : undefined;
  if (kind === 'consumer') return consumerHref(rest);
  if (kind === 'event') return eventHref(rest);
  if (kind === 'operation') return operationHref(rest);
  if (kind === 'setting') return to(['settings'], { key: rest });
  if (kind !== 'entity') return undefined;
  const at = rest.indexOf('/');
  return at < 0 ? undefined : entityHref(rest.slice(0, at), rest.slice(at + 1));
}
