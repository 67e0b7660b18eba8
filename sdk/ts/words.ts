/** The few words that the package itself says to visitors. */
export interface Words {
  map: string;
  mapOf(title: string): string;
  close: string;
  marker: string;
  loading: string;
  failed: string;
}

const EN: Words = {
  map: "3D city map",
  mapOf: (title) => `3D map of ${title}`,
  close: "Close",
  marker: "Marker",
  loading: "The city is loading.",
  failed: "The city cannot be shown.",
};

const ZH: Words = {
  map: "三维城市地图",
  mapOf: (title) => `${title}三维地图`,
  close: "关闭",
  marker: "标记",
  loading: "正在加载城市。",
  failed: "无法显示城市。",
};

/** The words in a language (a BCP 47 tag), English where there are none. */
export function wordsIn(locale: string): Words {
  return /^zh\b/i.test(locale) ? ZH : EN;
}

/** A text by language tag in a language: the same tag, else the same language, else the first that there is. */
export function inLocale(texts: Readonly<Record<string, string>>, locale: string): string | undefined {
  const language = locale.split("-")[0]!;
  const tags = Object.keys(texts);
  const tag = tags.find((tag) => tag === locale) ?? tags.find((tag) => tag.split("-")[0] === language) ?? tags[0];
  return tag === undefined ? undefined : texts[tag];
}
