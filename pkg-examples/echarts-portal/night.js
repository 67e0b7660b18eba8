// The city by night: dark ground, and buildings that are brighter the higher they are. Moonlight takes half of a colour
// away: those here are brighter than they look.

const GROUND = {
  color: {
    conditions: [
      ["${class} === 'water'", "color('#1d5f9e')"],
      ["${class} === 'park' || ${class} === 'grass' || ${class} === 'wood' || ${class} === 'pitch'", "color('#24705f')"],
      ["true", "color('#28456c')"],
    ],
  },
};
const TRANSPORT = {
  color: {
    conditions: [
      ["${class} === 'rail' || ${class} === 'tram'", "color('#8cc8ff')"],
      ["true", "color('#47709f')"],
    ],
  },
};
const BUILDINGS = {
  color: {
    conditions: [
      ["${height_m} >= 40", "color('#e2fbff')"],
      ["${height_m} >= 28", "color('#a6e3ff')"],
      ["${height_m} >= 20", "color('#74c2f7')"],
      ["${height_m} >= 12", "color('#559fe0')"],
      ["true", "color('#4283c7')"],
    ],
  },
};

/** Midnight by the sun, in winter north of the equator: milliseconds since 1970. */
function midnightAt(lon) {
  return Date.UTC(2026, 0, 1) - (lon / 360) * 86_400_000;
}

export async function atNight(twin, { lon }) {
  twin.setScene({ sun: { timeMs: midnightAt(lon) }, shadows: { mode: "off" } });
  await Promise.all([
    twin.setStyle("ground", GROUND), twin.setStyle("transport", TRANSPORT), twin.setStyle("buildings", BUILDINGS),
  ]);
}
