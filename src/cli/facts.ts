/** Names and values, one below the other. What has no value is left out. */
export function facts(rows: readonly (readonly [name: string, value: string | null | undefined])[]): string {
  const shown = rows.filter(([, value]) => value !== null && value !== undefined);
  const width = Math.max(...shown.map(([name]) => name.length));
  return shown.map(([name, value]) => `${name.padEnd(width)}  ${value}`).join('\n');
}
