import { useEffect, useState } from 'preact/hooks';

const KEY = 'nestjs-integration.theme';
const THEMES = [
  ['', 'Same as system'],
  ['light', 'Light'],
  ['dark', 'Dark'],
] as const;

export function ThemeSwitch() {
  const [theme, setTheme] = useState(() => localStorage.getItem(KEY) ?? '');
  useEffect(() => {
    if (theme === '') delete document.documentElement.dataset.theme;
    else document.documentElement.dataset.theme = theme;
    localStorage.setItem(KEY, theme);
  }, [theme]);
  return (
    <label class="small theme">
      Theme{' '}
      <select value={theme} onChange={(event) => setTheme(event.currentTarget.value)}>
        {THEMES.map(([value, word]) => (
          <option key={value} value={value}>
            {word}
          </option>
        ))}
      </select>
    </label>
  );
}
