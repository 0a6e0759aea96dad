/** Names and values, one below the other. What has no value is left out. */
export function facts(rows: readonly (readonly [name: string, value: string | null | undefined])[]): string {
  const shown = rows.filter(([, value]) => value !== null && value !== undefined);
  const width = Math.max(0, ...shown.map(([name]) => name.length));
  // A value of several lines must not look like other names and values.
  const below = `\n${' '.repeat(width + 2)}`;
  return shown.map(([name, value]) => `${name.padEnd(width)}  ${value?.replaceAll('\n', below)}`).join('\n');
}
