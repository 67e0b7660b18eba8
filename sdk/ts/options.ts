import { CityTwinError, type CityTwinErrorCode } from "./errors.js";

/** Says what a value must be where it is not; undefined when it is fine. */
export type Rule = (value: unknown) => string | undefined;

const rule = (holds: (value: unknown) => boolean, words: string): Rule => (value) => (holds(value) ? undefined : words);

/** A finite number from `least` to `most`. */
export function number(least: number, most = Infinity): Rule {
  const range = most === Infinity ? `at least ${least}` : `from ${least} to ${most}`;
  return rule((value) => typeof value === "number" && Number.isFinite(value) && value >= least && value <= most,
    `a number, ${range}`);
}

/** A finite number above 0. */
export const positive = rule((value) => typeof value === "number" && Number.isFinite(value) && value > 0, "a number above 0");
/** A text. */
export const text = rule((value) => typeof value === "string", "a string");
/** A text or a URL. */
export const url = rule((value) => typeof value === "string" || value instanceof URL, "a string or URL");
/** A list of those. */
export const urls = rule((value) => Array.isArray(value) && value.length > 0 && value.every((item) => url(item) === undefined),
  "a list of strings or URLs, not empty");
/** Yes or no. */
export const boolean = rule((value) => typeof value === "boolean", "true or false");
/** A function. */
export const callable = rule((value) => typeof value === "function", "a function");
/** An `AbortSignal`. */
export const signal = rule((value) => value instanceof AbortSignal, "an AbortSignal");
/** A plain object. */
export const record = rule((value) => typeof value === "object" && value !== null && !Array.isArray(value), "an object");
/** One of some texts. */
export const oneOf = (...known: string[]): Rule => rule((value) => known.includes(value as string), known.map((name) => `"${name}"`).join(", "));
/** A list whose items follow a rule; of `length` items, where that is given. */
export function list(item: Rule, length?: number): Rule {
  return (value) => {
    if (!Array.isArray(value)) return "a list";
    if (length !== undefined && value.length !== length) return `a list of ${length}`;
    const wanted = value.map(item).find((words) => words !== undefined);
    return wanted && `a list, and in it each ${wanted}`;
  };
}
/** Whatever; somebody else looks at it. */
export const anything: Rule = () => undefined;

/** Makes sure that an argument follows a rule: what the engine takes for text and is none would break it. */
export function check(where: string, value: unknown, rule: Rule, code: CityTwinErrorCode = "option"): void {
  const wanted = rule(value);
  if (wanted !== undefined) throw new CityTwinError(code, `${where} takes ${wanted}.`);
}

/** An object as JSON text. */
export function json(where: string, value: unknown, code: CityTwinErrorCode): string {
  check(where, value, record, code);
  try {
    return JSON.stringify(value);
  } catch (cause) {
    throw new CityTwinError(code, `${where}: this cannot be written as JSON.`, cause);
  }
}

/**
 * Makes sure that options are an object with known keys and sensible values; undefined values count as left out.
 *
 * @throws CityTwinError `option`
 */
export function checkOptions(where: string, options: unknown, rules: Record<string, Rule>): void {
  if (record(options) !== undefined) throw new CityTwinError("option", `${where} takes an object of options.`);
  for (const [key, value] of Object.entries(options as object)) {
    const check = Object.hasOwn(rules, key) ? rules[key] : undefined;
    if (!check) {
      const known = Object.keys(rules).join(", ");
      throw new CityTwinError("option", `${where} knows no option "${key}"; it knows ${known}.`);
    }
    const wanted = value === undefined ? undefined : check(value);
    if (wanted !== undefined) throw new CityTwinError("option", `${where}: "${key}" must be ${wanted}.`);
  }
}
