import { CityTwin, type Hit, type View } from "citytwin";
import { useEffect, useRef, useState } from "react";

interface Props {
  /** URL of the `twin.json`. */
  src: string;
  /** Where to fly to; nothing happens while it stays the same object. */
  view?: View;
  /** Ids of what is marked. */
  highlighted?: readonly string[];
  onClick?: (hit: Hit | null) => void;
}

/** A city that fills its parent. */
export function City({ src, view, highlighted, onClick }: Props) {
  const container = useRef<HTMLDivElement>(null);
  const [twin, setTwin] = useState<CityTwin>();
  const [fault, setFault] = useState<string>();

  useEffect(() => {
    let gone = false;
    let made: CityTwin | undefined;
    CityTwin.create(container.current!, { twin: src }).then(
      (twin) => {
        if (gone) return twin.remove();
        made = twin;
        setTwin(twin);
      },
      (error: Error) => { if (!gone) setFault(error.message); },
    );
    return () => {
      gone = true;
      made?.remove();
      setTwin(undefined);
      setFault(undefined);
    };
  }, [src]);

  useEffect(() => (onClick ? twin?.on("click", onClick) : undefined), [twin, onClick]);
  useEffect(() => { if (view) void twin?.flyTo(view); }, [twin, view]);
  useEffect(() => { twin?.highlight(highlighted ?? null); }, [twin, highlighted]);

  return (
    <div className="city" ref={container}>
      {fault && <p role="alert">{fault}</p>}
      <p className="credit">{twin?.attribution.map(({ text }) => text).join(", ")}</p>
    </div>
  );
}
