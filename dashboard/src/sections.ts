import type { ComponentType } from 'preact';
import type { Action } from './api/session.tsx';
import type { Place } from './router/router.ts';

export type PageComponent = ComponentType<{ place: Place }>;
export type PageLoader = () => Promise<PageComponent>;

export interface Section {
  /** The first part of its places. */
  readonly key: string;
  readonly title: string;
  readonly needs: Action;
  /** Finds the page for the parts behind the key. Undefined if there is none. */
  readonly pageFor: (rest: readonly string[]) => PageLoader | undefined;
}

export interface SectionGroup {
  readonly title: string;
  readonly sections: readonly Section[];
}

const overview: PageLoader = async () => (await import('./pages/overview.tsx')).OverviewPage;
const consumers: PageLoader = async () => (await import('./pages/consumers.tsx')).ConsumersPage;
const consumer: PageLoader = async () => (await import('./pages/consumer.tsx')).ConsumerPage;
const deadLetters: PageLoader = async () => (await import('./pages/dead-letters.tsx')).DeadLettersPage;
const failureGroup: PageLoader = async () => (await import('./pages/failure-group.tsx')).FailureGroupPage;
const events: PageLoader = async () => (await import('./pages/events.tsx')).EventsPage;
const event: PageLoader = async () => (await import('./pages/event.tsx')).EventPage;
const entity: PageLoader = async () => (await import('./pages/entity.tsx')).EntityPage;
const position: PageLoader = async () => (await import('./pages/position.tsx')).PositionPage;
const operations: PageLoader = async () => (await import('./pages/operations.tsx')).OperationsPage;
const operation: PageLoader = async () => (await import('./pages/operation.tsx')).OperationPage;
const settings: PageLoader = async () => (await import('./pages/settings.tsx')).SettingsPage;
const audit: PageLoader = async () => (await import('./pages/audit.tsx')).AuditPage;
const processes: PageLoader = async () => (await import('./pages/processes.tsx')).ProcessesPage;
const doctor: PageLoader = async () => (await import('./pages/doctor.tsx')).DoctorPage;

/** A list, and perhaps a page for one thing of it. */
function paged(list: PageLoader, one?: PageLoader): Section['pageFor'] {
  return (rest) => (rest.length === 0 ? list : rest.length === 1 ? one : undefined);
}

/** The parts of the page. A part that comes with a subpath of the package adds its own group here. */
export const SECTION_GROUPS: readonly SectionGroup[] = [
  {
    title: 'Delivery',
    sections: [
      { key: 'overview', title: 'Overview', needs: 'overview.read', pageFor: paged(overview) },
      { key: 'consumers', title: 'Consumers', needs: 'consumers.read', pageFor: paged(consumers, consumer) },
      {
        key: 'dead-letters',
        title: 'Dead letters',
        needs: 'dead-letters.read',
        pageFor: (rest) => (rest.length === 0 ? deadLetters : rest.length === 2 ? failureGroup : undefined),
      },
      { key: 'events', title: 'Events', needs: 'events.read', pageFor: paged(events, event) },
    ],
  },
  {
    title: 'Changes',
    sections: [
      {
        key: 'operations',
        title: 'Operations',
        needs: 'operations.read',
        pageFor: paged(operations, operation),
      },
      { key: 'settings', title: 'Settings', needs: 'settings.read', pageFor: paged(settings) },
      { key: 'audit', title: 'Audit', needs: 'audit.read', pageFor: paged(audit) },
    ],
  },
  {
    title: 'Engine',
    sections: [
      { key: 'processes', title: 'Processes', needs: 'processes.read', pageFor: paged(processes) },
      { key: 'doctor', title: 'Doctor', needs: 'doctor.read', pageFor: paged(doctor) },
    ],
  },
];

/** Pages that are reached by links and by the search box only. */
const OTHERS: readonly Section[] = [
  {
    key: 'entities',
    title: 'Entity',
    needs: 'entities.read',
    pageFor: (rest) => (rest.length === 2 ? entity : undefined),
  },
  {
    key: 'positions',
    title: 'Position',
    needs: 'events.read',
    pageFor: (rest) => (rest.length === 1 ? position : undefined),
  },
];

export const SECTIONS: readonly Section[] = [
  ...SECTION_GROUPS.flatMap(({ sections }) => sections),
  ...OTHERS,
];
