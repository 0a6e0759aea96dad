import { Component, type ComponentChildren } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import { useDenial, useSession } from '../api/session.tsx';
import { Empty } from '../parts/empty.tsx';
import { CODE_MISSING } from '../parts/loading.tsx';
import { Page } from '../parts/page.tsx';
import { ProblemBox } from '../parts/problem-box.tsx';
import { type Place, to } from '../router/router.ts';
import type { PageComponent, PageLoader } from '../section.ts';
import { sectionOf } from '../sections.ts';

/** The page of a place. Its code is loaded when it is opened for the first time. */
export function PageOf({ place }: { place: Place }) {
  const [key = 'overview', ...rest] = place.path;
  const { parts } = useSession();
  const section = sectionOf(key, parts);
  const denial = useDenial(section?.needs);
  const load = section?.pageFor(rest);
  if (section === undefined || load === undefined) {
    return (
      <Page title="There is no such page">
        <Empty title="Nothing is at this address.">
          <a href={to(['overview'])}>Go to the overview</a>, or search for an event, an entity or a consumer.
        </Empty>
      </Page>
    );
  }
  if (denial !== undefined) {
    return (
      <Page title={section.title}>
        <Empty title={denial}>Ask the person who gives permissions in this application.</Empty>
      </Page>
    );
  }
  const path = place.path.join('/');
  return (
    <Guarded key={path}>
      <LoadedPage load={load} place={place} />
    </Guarded>
  );
}

const loaded = new Map<PageLoader, PageComponent>();

function LoadedPage({ load, place }: { load: PageLoader; place: Place }) {
  const [error, setError] = useState<unknown>();
  const [, setTurn] = useState(0);
  const Found = loaded.get(load);
  useEffect(() => {
    if (loaded.has(load)) return;
    load().then(
      (component) => {
        loaded.set(load, component);
        setTurn((turn) => turn + 1);
      },
      () => setError(new Error(CODE_MISSING)),
    );
  }, [load]);
  if (error !== undefined) return <ProblemBox error={error} retry={() => location.reload()} />;
  if (Found === undefined) return <p class="muted loading">Loading…</p>;
  return <Found place={place} />;
}

/** A fault of one page leaves the others usable. */
class Guarded extends Component<{ children: ComponentChildren }, { error: unknown }> {
  override state = { error: undefined as unknown };

  override componentDidCatch(error: unknown): void {
    console.error(error);
    this.setState({ error });
  }

  override render() {
    if (this.state.error === undefined) return this.props.children;
    return (
      <Page title="This page has a fault">
        <ProblemBox error={this.state.error} retry={() => this.setState({ error: undefined })} />
      </Page>
    );
  }
}
