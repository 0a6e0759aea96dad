import { useId, useLayoutEffect, useRef } from 'preact/hooks';
import { filterBy, type Place } from '../router/router.ts';

export interface FilterField {
  readonly name: string;
  readonly label: string;
  readonly placeholder?: string;
  readonly options?: readonly (readonly [value: string, text: string])[];
  readonly type?: 'text' | 'datetime-local';
  /** What the browser offers while somebody types. */
  readonly suggestions?: readonly string[] | undefined;
}

/** The filter of a list. What it is set to stands in the URL. */
export function Filter({ place, fields }: { place: Place; fields: readonly FilterField[] }) {
  const form = useRef<HTMLFormElement>(null);
  const key = place.query.toString();
  useFocusKept(form, key);
  const apply = (form: HTMLFormElement) => {
    const values = Object.fromEntries(
      fields.map(({ name, type }) => {
        const { value } = form.elements.namedItem(name) as HTMLInputElement;
        const isTime = type === 'datetime-local' && value !== '';
        return [name, isTime ? new Date(value).toISOString() : value.trim()];
      }),
    );
    filterBy(place, values);
  };
  const isSet = fields.some(({ name }) => place.query.has(name));
  return (
    <form
      class="filter"
      ref={form}
      // The key makes the fields again when the URL changes by itself.
      key={key}
      onSubmit={(event) => {
        event.preventDefault();
        apply(event.currentTarget);
      }}
    >
      {fields.map((field) => (
        <FilterInput key={field.name} field={field} value={place.query.get(field.name) ?? ''} apply={apply} />
      ))}
      <div class="filter-acts">
        <button type="submit">Filter</button>
        {isSet && (
          <button
            type="button"
            class="link"
            onClick={() => filterBy(place, Object.fromEntries(fields.map(({ name }) => [name, undefined])))}
          >
            Clear
          </button>
        )}
      </div>
    </form>
  );
}

/** The fields are made again, and the focus stays where it was: at the same field, or at the first one. */
function useFocusKept(form: { readonly current: HTMLFormElement | null }, key: string): void {
  const index = useRef(-1);
  // It is asked while the fields that had the focus are still there.
  const { activeElement } = document;
  index.current =
    form.current === null || !(activeElement instanceof HTMLElement)
      ? -1
      : [...form.current.elements].indexOf(activeElement);
  useLayoutEffect(() => {
    if (index.current < 0 || form.current === null) return;
    const { elements } = form.current;
    const target = elements[index.current] ?? elements[0];
    if (target instanceof HTMLElement) target.focus({ preventScroll: true });
  }, [key]);
}

function FilterInput({
  field: { name, label, placeholder, options, type = 'text', suggestions = [] },
  value,
  apply,
}: {
  field: FilterField;
  value: string;
  apply: (form: HTMLFormElement) => void;
}) {
  const id = useId();
  return (
    <div class={type === 'text' ? 'field' : 'field wide'}>
      <label for={id}>{label}</label>
      {options === undefined ? (
        type === 'datetime-local' ? (
          <input id={id} name={name} type="datetime-local" step="1" defaultValue={localTime(value)} />
        ) : (
          <>
            <input
              id={id}
              name={name}
              placeholder={placeholder}
              defaultValue={value}
              autoComplete="off"
              spellcheck={false}
              list={suggestions.length > 0 ? `${id}-list` : undefined}
            />
            {suggestions.length > 0 && (
              <datalist id={`${id}-list`}>
                {suggestions.map((each) => (
                  <option key={each} value={each} />
                ))}
              </datalist>
            )}
          </>
        )
      ) : (
        <select
          id={id}
          name={name}
          onChange={(event) => {
            const { form } = event.currentTarget;
            if (form !== null) apply(form);
          }}
        >
          {options.map(([option, text]) => (
            <option key={option} value={option} selected={option === value}>
              {text}
            </option>
          ))}
        </select>
      )}
    </div>
  );
}

/** Writes a time as the field needs it: in the viewer's zone, without the name of the zone. */
export function localTime(iso: string): string {
  const time = new Date(iso);
  if (iso === '' || Number.isNaN(time.getTime())) return '';
  return new Date(time.getTime() - time.getTimezoneOffset() * 60_000).toISOString().slice(0, 19);
}
