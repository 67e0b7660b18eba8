import type { PositioningObservation } from "./positioning-types.js";

/** Which of the device's own sensors to use. */
export interface DeviceOptions {
  /** Satellites and what the browser makes of them (`navigator.geolocation`); true by default. */
  gnss?: boolean;
  /** Steps and heading (`devicemotion`, `deviceorientation`); true by default. Some phones ask the visitor, and only from a click. */
  motion?: boolean;
}

/** What of the device can be used here. */
export interface DeviceSource {
  /** Whether the page is allowed to use satellites. */
  readonly gnss: boolean;
  /** Whether the page is allowed to use motion sensors. */
  readonly motion: boolean;
  /** Ends it; may be called again. */
  stop(): void;
}

type Vector = [number, number, number];
type Asks = { requestPermission?: () => Promise<PermissionState> };

/** Starts the device's sensors; each observation goes to `take`, each refusal of satellites to `refused`. */
export async function startDevice(
  options: DeviceOptions, take: (observation: PositioningObservation) => void, refused: (code: 1 | 2 | 3) => void,
): Promise<DeviceSource> {
  const ends: (() => void)[] = [];
  // Asked first: after an await a click no longer counts.
  const motion = options.motion !== false && await mayMove();
  if (motion) ends.push(startMotion(take));
  const gnss = options.gnss !== false && "geolocation" in navigator;
  if (gnss) {
    const id = navigator.geolocation.watchPosition((position) => take(gnssOf(position)),
      (error) => refused(error.code as 1 | 2 | 3), { enableHighAccuracy: true });
    ends.push(() => navigator.geolocation.clearWatch(id));
  }
  return { gnss, motion, stop: () => { for (const end of ends.splice(0)) end(); } };
}

async function mayMove(): Promise<boolean> {
  if (typeof DeviceMotionEvent === "undefined") return false;
  for (const kind of [DeviceMotionEvent, DeviceOrientationEvent] as Asks[]) {
    if (kind.requestPermission && await kind.requestPermission().catch(() => "denied") !== "granted") return false;
  }
  return true;
}

/** A fix of the browser's, on the monotonic clock. */
export function gnssOf(position: GeolocationPosition): PositioningObservation {
  const { latitude, longitude, accuracy, altitude, speed, heading } = position.coords;
  const age = Math.min(Math.max(Date.now() - position.timestamp, 0), 10_000);
  return {
    kind: "gnss", timeMs: performance.now() - age, wallMs: position.timestamp,
    lon: longitude, lat: latitude, accuracyM: Math.max(accuracy, 0.1),
    ...(altitude === null ? {} : { altitudeM: altitude }),
    ...(speed === null || Number.isNaN(speed) ? {} : { speedMps: speed }),
    ...(heading === null || Number.isNaN(heading) ? {} : { courseDeg: heading }),
  };
}

function startMotion(take: (observation: PositioningObservation) => void): () => void {
  let rotation: Vector | undefined;
  let up: Vector | undefined;
  // An absolute orientation, where there is one, is not mixed with a relative one.
  let absolute = false;
  const turn = (event: DeviceOrientationEvent & { webkitCompassHeading?: number }) => {
    const { alpha, beta, gamma, webkitCompassHeading } = event;
    if (beta === null || gamma === null) return;
    up = upOf(beta, gamma);
    const knowsNorth = event.type === "deviceorientationabsolute" || event.absolute || webkitCompassHeading !== undefined;
    if (event.type === "deviceorientationabsolute") absolute = true;
    if (!knowsNorth || (absolute && event.type !== "deviceorientationabsolute")) return;
    const north = webkitCompassHeading === undefined ? alpha : 360 - webkitCompassHeading;
    if (north !== null) rotation = rotationOf(north, beta, gamma);
  };
  const move = (event: DeviceMotionEvent) => {
    const a = event.accelerationIncludingGravity;
    if (!a || a.x === null || a.y === null || a.z === null) return;
    // Safari gives gravity the other sign.
    const sign = up && a.x * up[0] + a.y * up[1] + a.z * up[2] < -4 ? -1 : 1;
    const r = event.rotationRate;
    const rate: Vector | undefined = r && r.alpha !== null && r.beta !== null && r.gamma !== null
      ? [radians(r.beta), radians(r.gamma), radians(r.alpha)]
      : undefined;
    take({
      kind: "inertial", timeMs: event.timeStamp, accelMps2: [sign * a.x, sign * a.y, sign * a.z],
      ...(rate ? { gyroRadps: rate } : {}), ...(rotation ? { rotation } : {}),
    });
  };
  addEventListener("deviceorientationabsolute", turn as EventListener);
  addEventListener("deviceorientation", turn);
  addEventListener("devicemotion", move);
  return () => {
    removeEventListener("deviceorientationabsolute", turn as EventListener);
    removeEventListener("deviceorientation", turn);
    removeEventListener("devicemotion", move);
  };
}

const radians = (degrees: number) => degrees * Math.PI / 180;

/** The upward direction in the device's axes, by the W3C's angles in degrees. */
function upOf(beta: number, gamma: number): Vector {
  const [b, g] = [radians(beta), radians(gamma)];
  return [-Math.cos(b) * Math.sin(g), Math.sin(b), Math.cos(b) * Math.cos(g)];
}

/** The vector part of the quaternion of the W3C's angles (turns about z, then x, then y), scalar part not negative. */
export function rotationOf(alpha: number, beta: number, gamma: number): Vector {
  const [a, b, g] = [alpha, beta, gamma].map((angle) => radians(angle) / 2) as Vector;
  const [ca, sa, cb, sb, cg, sg] = [Math.cos(a), Math.sin(a), Math.cos(b), Math.sin(b), Math.cos(g), Math.sin(g)];
  const w = ca * cb * cg - sa * sb * sg;
  const vector: Vector = [ca * sb * cg - sa * cb * sg, ca * cb * sg + sa * sb * cg, ca * sb * sg + sa * cb * cg];
  return w < 0 ? vector.map((x) => -x) as Vector : vector;
}
