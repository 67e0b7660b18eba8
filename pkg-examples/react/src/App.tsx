import type { Hit, View } from "citytwin";
import { Search, type SearchHit } from "citytwin/search";
import { useCallback, useEffect, useState } from "react";
import { City } from "./City";

export function App() {
  const [text, setText] = useState("museum");
  const { hits, fault } = useSearch("twin/search/search.bin", text);
  const [chosen, setChosen] = useState<{ id: string; view?: View; words: string }>();
  const [highlighted, setHighlighted] = useState<string[]>([]);

  const choose = ({ id, name, names, lon, lat }: SearchHit) => {
    setChosen({ id, words: `Flown to ${names["en"] ?? name}`, view: { lon, lat, heightM: 10, distanceM: 320, headingDeg: 335, pitchDeg: -38 } });
    setHighlighted([id]);
  };
  const onClick = useCallback((hit: Hit | null) => {
    const id = hit && String(hit.properties.id);
    setChosen(hit && id ? { id, words: `Chosen: ${hit.properties.name_en ?? hit.properties.name ?? hit.properties.class}` } : undefined);
    setHighlighted(id ? [id] : []);
  }, []);

  return (
    <>
      <City src="twin/twin.json" view={chosen?.view} highlighted={highlighted} onClick={onClick} />
      <aside>
        <label htmlFor="find">Find a place</label>
        <input id="find" type="search" value={text} onChange={(event) => setText(event.target.value)} />
        {fault && <p role="alert">{fault}</p>}
        <ul aria-label="Results">
          {hits.map((hit) => (
            <li key={hit.id}>
              <button aria-pressed={hit.id === chosen?.id} onClick={() => choose(hit)}>
                {hit.names["en"] ?? hit.name}
                <small>{[hit.category.replaceAll("_", " "), hit.address].filter(Boolean).join(" · ")}</small>
              </button>
            </li>
          ))}
        </ul>
        <p aria-live="polite">{chosen?.words ?? `${hits.length} found`}</p>
      </aside>
    </>
  );
}

/** What is found so far for a text; each key stroke gives up the question before it. */
function useSearch(url: string, text: string) {
  const [search, setSearch] = useState<Search>();
  const [hits, setHits] = useState<SearchHit[]>([]);
  const [fault, setFault] = useState<string>();

  useEffect(() => {
    let gone = false;
    const opening = Search.open(url);
    opening.then(
      (search) => { if (!gone) setSearch(search); },
      (error: Error) => { if (!gone) setFault(error.message); },
    );
    return () => {
      gone = true;
      void opening.then((search) => search.close(), () => {});
    };
  }, [url]);

  useEffect(() => {
    if (!search) return;
    const asking = new AbortController();
    void (async () => {
      try {
        for await (const answer of search.stream(text, { limit: 6, signal: asking.signal })) setHits(answer.hits);
      } catch (error) {
        if (!asking.signal.aborted) setFault((error as Error).message);
      }
    })();
    return () => asking.abort();
  }, [search, text]);

  return { hits, fault };
}
