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
      { key: 'consumers', title: 'Consumers', needs: 'consumers.read', pageFor: paged(consumers) },
    ],
  },
];

export const SECTIONS: readonly Section[] = SECTION_GROUPS.flatMap(({ sections }) => sections);
