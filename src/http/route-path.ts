const SEGMENT = /^[A-Za-z0-9._~-]+$/;

/** The parts of a path between its slashes. */
export function segmentsOf(path: string): string[] {
  return path.split('/').filter((segment) => segment !== '');
}

/**
 * Whether routes can be mounted there: a path without parameters, also an empty one. Clients take the parts
 * `.` and `..` out of URLs before they send them, so nobody would reach routes with them.
 */
export function isRoutePath(path: unknown): boolean {
  return (
    typeof path === 'string' &&
    segmentsOf(path).every((segment) => SEGMENT.test(segment) && segment !== '.' && segment !== '..')
  );
}
