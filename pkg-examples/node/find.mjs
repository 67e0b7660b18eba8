// `node find.mjs INDEX WORDS…` prints the ten best finds.
import { Search } from "citytwin/search";

const [index, ...words] = process.argv.slice(2);
if (!index) {
  console.error("Usage: node find.mjs INDEX WORDS…");
  process.exit(2);
}
try {
  const search = await Search.open(index);
  const { hits, didYouMean } = await search.query(words.join(" "), { limit: 10 });
  for (const { name, names, category, address = "", lon, lat } of hits) {
    const columns = [names.en ?? name, category, address, `${lat.toFixed(5)}, ${lon.toFixed(5)}`];
    console.log(columns.join("\t"));
  }
  if (hits.length === 0) console.log(didYouMean ? `Nothing. Did you mean "${didYouMean}"?` : "Nothing.");
  search.close();
} catch (error) {
  console.error(error.message);
  process.exitCode = 1;
}
