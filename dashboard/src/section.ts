import type { ComponentType } from 'preact';
import type { Action } from './api/action.ts';
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
  /** The part of the package that the pages are of. An application without it does not show them. */
  readonly part?: string;
}

/** A list, and perhaps a page for one thing of it. */
export function paged(list: PageLoader, one?: PageLoader): Section['pageFor'] {
  return (rest) => (rest.length === 0 ? list : rest.length === 1 ? one : undefined);
}

/** The key of the overview for a screen on a wall, which has no menus. */
export const WALL = 'wall';
