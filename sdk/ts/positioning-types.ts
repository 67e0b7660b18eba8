/** What positioning takes and gives. */

/** What every observation has. */
interface ObservationBase {
  /** Version of the schema; 1 when left out. */
  v?: 1;
  /** When it was measured: milliseconds on a clock that never goes back (`performance.now()` for live ones). */
  timeMs: number;
  /** The same on the wall clock, milliseconds since 1970; only copied, never computed with. */
  wallMs?: number;
}

/** A satellite fix. */
export interface GnssObservation extends ObservationBase {
  kind: "gnss";
  /** Degrees (WGS84). */
  lon: number;
  /** Degrees (WGS84). */
  lat: number;
  /** 95 % radius, metres; above 0. */
  accuracyM: number;
  /** Metres above the ellipsoid. */
  altitudeM?: number;
  /** Satellites used. */
  satellites?: number;
  /** Mean carrier-to-noise density of the satellites used, dB-Hz. */
  cn0Dbhz?: number;
  /** Speed over ground, m/s. */
  speedMps?: number;
  /** Direction of travel, degrees clockwise from true north. */
  courseDeg?: number;
}

/** A WiFi scan. No browser gives one: it comes from a host app. */
export interface WifiObservation extends ObservationBase {
  kind: "wifi";
  readings: {
    /** The access point's address, `0a:74:9c:2b:56:67`. */
    bssid: string;
    /** Received power, dBm. */
    rssiDbm: number;
    /** Centre frequency, MHz. */
    frequencyMhz?: number;
    /** How old the reading was when the scan was reported, milliseconds. */
    ageMs?: number;
    /** Round-trip-time range (IEEE 802.11mc), metres. */
    rttM?: number;
    /** Its deviation, metres. */
    rttSigmaM?: number;
  }[];
}

/** Bluetooth advertisements heard. */
export interface BleObservation extends ObservationBase {
  kind: "ble";
  readings: {
    /** The beacon's address. */
    mac: string;
    /** Received power, dBm. */
    rssiDbm: number;
    /** Power at 1 m that it announces, dBm. */
    txPowerDbm?: number;
    /** iBeacon proximity UUID. */
    uuid?: string;
    /** iBeacon major and minor. */
    majorMinor?: [number, number];
  }[];
}

/** An ultra-wide-band range. */
export interface UwbObservation extends ObservationBase {
  kind: "uwb";
  /** The anchor's name in the venue. */
  anchor: string;
  /** Metres. */
  rangeM: number;
  /** Deviation in line of sight, metres. */
  sigmaM: number;
}

/** A sample of the inertial sensors, in the device's axes: x right, y up along the screen, z out of it. */
export interface InertialObservation extends ObservationBase {
  kind: "inertial";
  /** With gravity, m/s²: 9.81 along the upward axis at rest. */
  accelMps2: [number, number, number];
  /** rad/s, right-handed. */
  gyroRadps?: [number, number, number];
  /** µT. */
  magnetUt?: [number, number, number];
  /** From device to east-north-up: the vector part of the unit quaternion whose scalar part is not negative. */
  rotation?: [number, number, number];
}

/** Air pressure. */
export interface BarometerObservation extends ObservationBase {
  kind: "barometer";
  /** Hectopascal. */
  pressureHpa: number;
}

/** A marker seen (QR code, visual). */
export interface MarkerObservation extends ObservationBase {
  kind: "marker";
  /** Its name in the venue. */
  id: string;
  /** Metres in the venue's plane; when left out, the venue knows. */
  atM?: [number, number];
  /** The floor, ground floor 0; left out together with `atM`. */
  floor?: number;
  /** Deviation per axis, metres. */
  sigmaM: number;
}

/** The host's own fix. */
export interface HostFixObservation extends ObservationBase {
  kind: "hostFix";
  /** Degrees (WGS84). */
  lon: number;
  /** Degrees (WGS84). */
  lat: number;
  /** 95 % radius, metres. */
  accuracyM: number;
  /** The floor, ground floor 0, when the host knows. */
  floor?: number;
}

/** "I am here", tapped on the map. */
export interface MapTapObservation extends ObservationBase {
  kind: "mapTap";
  /** Metres in the venue's plane. */
  atM: [number, number];
  /** The floor that was shown. */
  floor: number;
  /** Deviation per axis, metres: about 3 for a finger. */
  sigmaM: number;
}

/** One measurement. */
export type PositioningObservation =
  | GnssObservation
  | WifiObservation
  | BleObservation
  | UwbObservation
  | InertialObservation
  | BarometerObservation
  | MarkerObservation
  | HostFixObservation
  | MapTapObservation;

/** How an answer came about: from one observation, from several that agree, from none for some seconds, or too long. */
export type PositioningStatus = "first-fix" | "tracking" | "coasting" | "lost";

/** Where the visitor is: `GeolocationPosition` of the W3C, and what the engine knows beyond it. */
export interface PositioningPosition {
  /** The W3C's coordinates; `accuracy` is the radius, in metres, that holds the truth 95 times in 100. */
  readonly coords: {
    readonly latitude: number;
    readonly longitude: number;
    readonly accuracy: number;
    readonly altitude: number | null;
    readonly altitudeAccuracy: number | null;
    readonly heading: number | null;
    readonly speed: number | null;
  };
  /** Milliseconds since 1970. */
  readonly timestamp: number;
  /** Metres in the venue's plane; null away from the venue. */
  readonly atM: [east: number, north: number] | null;
  /** The building; null outdoors. */
  readonly building: string | null;
  /** The floor, ground floor 0; null outdoors. */
  readonly floor: number | null;
  /** Its probability. */
  readonly floorProbability: number | null;
  /** Floors with their probabilities, lowest first; none outdoors. */
  readonly floors: readonly (readonly [floor: number, probability: number])[];
  /** Probability to be indoors: it glides, it never switches. */
  readonly indoorProbability: number;
  /** Covariance, m²: east-east, east-north, north-north. */
  readonly covarianceM2: readonly [number, number, number];
  /** Kinds of observations that counted lately, and how long ago. */
  readonly counted: readonly { kind: PositioningObservation["kind"]; ageMs: number }[];
  /** How the answer came about. */
  readonly status: PositioningStatus;
  /** A plain object of all of it. */
  toJSON(): object;
}

/** `GeolocationPositionError` of the W3C. */
export interface PositioningError {
  /** 1: not allowed. 2: no way to know. 3: none came in time. */
  readonly code: 1 | 2 | 3;
  /** For developers. */
  readonly message: string;
  readonly PERMISSION_DENIED: 1;
  readonly POSITION_UNAVAILABLE: 2;
  readonly TIMEOUT: 3;
}

/** `PositionOptions` of the W3C. */
export interface PositioningWatchOptions {
  /** The engine always gives the best there is. */
  enableHighAccuracy?: boolean;
  /** Milliseconds without a position until error 3; for ever by default. */
  timeout?: number;
  /** A position may be so old, milliseconds, to be given at once; 0 by default. */
  maximumAge?: number;
}

/** What became of the observations so far. */
export interface PositioningCounts {
  counted: number;
  /** Not finite, or out of range. */
  absurd: number;
  /** Older than one of their kind that counted. */
  late: number;
  duplicate: number;
  /** Too far from where the visitor can be. */
  outlier: number;
  unknownVersion: number;
  /** Nothing that this venue has a use for. */
  notUsed: number;
}

/** A venue as it can be drawn, in metres of its plane. */
export interface VenuePlan {
  name: string;
  /** Lowest and highest corner. */
  boundsM: [[number, number], [number, number]];
  levels: {
    floor: number;
    name: string;
    walls: [[number, number], [number, number]][];
    areas: { name: string; open: boolean; rings: [number, number][][] }[];
    /** Degrees of the bounds' lower left, lower right and upper left corner; null when unknown. */
    cornersLonLat: [[number, number], [number, number], [number, number]] | null;
  }[];
  connectors: { kind: "stairs" | "lift" | "escalator" | "ramp"; stops: [floor: number, at: [number, number]][] }[];
  /** What of the files could not be read. */
  problems: string[];
}

/** A point of a track, for exposure analysis. */
export interface TrackPoint {
  /** Milliseconds since 1970. */
  wallMs: number;
  atM: [number, number];
  covarianceM2: [number, number, number];
  building: string;
  floors: [floor: number, probability: number][];
}

/** Minutes, as far as one can know: the truth lies between `low` and `high` nine times in ten. */
export interface Minutes {
  low: number;
  expected: number;
  high: number;
}

/** What one's own track and another's have in common. */
export interface Exposure {
  /** Minutes by distance, on one floor, weighed by walls. Below 2 m only with `ranges`. */
  direct: { fromM: number; toM: number; minutes: Minutes }[];
  /** Minutes in air that the other breathed before. */
  indirect: Minutes;
  /** Minutes that both tracks cover. */
  comparedMinutes: number;
  /** Whether the devices ranged each other. */
  ranged: boolean;
}

/** How tracks are compared. */
export interface ExposureOptions {
  /** Distances that the two devices measured between each other. */
  ranges?: { wallMs: number; rangeM: number; sigmaM: number }[];
  /** The air of a room forgets with this time constant, minutes; 20. */
  airMinutes?: number;
  /** Who comes later breathes nothing of it any more, minutes; 60. */
  longestLagMinutes?: number;
  /** Indirect exposure counts within this distance, metres; 5. */
  indirectM?: number;
}
