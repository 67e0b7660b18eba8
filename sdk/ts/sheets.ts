/**
 * A style sheet that is made by script: a strict Content-Security-Policy allows it where it forbids `style` elements and
 * attributes. Made when it is first needed, for there are none where there is no page.
 */
export function sheet(css: string): () => CSSStyleSheet {
  let made: CSSStyleSheet | undefined;
  return () => {
    if (!made) {
      made = new CSSStyleSheet();
      made.replaceSync(css);
    }
    return made;
  };
}

/** Adds a sheet to the document, or to the shadow tree, that an element is in; once. */
export function adopt(element: Element, style: CSSStyleSheet): void {
  const root = element.getRootNode();
  if (!(root instanceof Document || root instanceof ShadowRoot)) return;
  if (!root.adoptedStyleSheets.includes(style)) root.adoptedStyleSheets = [...root.adoptedStyleSheets, style];
}
